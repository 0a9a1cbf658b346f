package keystone

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"drydock"
)

// Secret is a text that is never shown: printed, logged or marshalled in any way it is three stars, or nothing if it is empty.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Options say where Keystone is and who asks for tokens. They have the names and meanings of the group [keystone_authtoken] in the
// configuration of OpenStack services. An id wins over the name of the same thing. Zero numbers take the default.
type Options struct {
	AuthURL  string // http or https; /v3 is added if the path does not end in it
	AuthType string // password, v3password or v3applicationcredential; empty: what the other options are for

	Username, UserID             string
	UserDomainName, UserDomainID string
	Password                     Secret

	ProjectName, ProjectID             string // what the token is for: one of project, domain, system, trust, or none of them
	ProjectDomainName, ProjectDomainID string
	DomainName, DomainID               string
	SystemScope                        string // all
	TrustID                            string

	DefaultDomainName, DefaultDomainID string // of the user and of the project where those name none

	ApplicationCredentialID, ApplicationCredentialName string // by name the user is needed as well
	ApplicationCredentialSecret                        Secret

	RegionName string   // of endpoints; empty: any
	Interfaces []string // of endpoints: public, internal, admin; the first that the service has counts. Default: internal

	CAFile            string // authorities in PEM; empty: the system's
	CertFile, KeyFile string // client certificate in PEM; without KeyFile both are in CertFile
	Insecure          bool   // the server's certificate is not looked at

	ConnectTimeout time.Duration // for the connection, and again for its TLS handshake; default 5 s
	RequestTimeout time.Duration // for one request, from connecting to the last byte of the answer; default 20 s
	Tries          int           // how often a request is sent at most while Keystone cannot be reached, or says that it cannot answer; default 4

	UserAgent string       // default drydock
	Logger    *slog.Logger // logins, and those that failed; nil: not logged
}

// String tells where Keystone is and who logs in there, without secrets.
func (o Options) String() string {
	return fmt.Sprintf("Keystone %s: %s", hideUser(o.AuthURL), o.who())
}

// LogValue is String.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// who describes the account and what it asks a token for.
func (o Options) who() string {
	first := func(id, name string) string {
		if id != "" {
			return "id " + id
		}
		return fmt.Sprintf("%q", name)
	}
	in := func(id, name string) string {
		if id == "" && name == "" {
			return ""
		}
		return " of domain " + first(id, name)
	}
	var text string
	switch {
	case o.usesApplicationCredential():
		return "application credential " + first(o.ApplicationCredentialID, o.ApplicationCredentialName)
	case o.UserID != "":
		text = "user id " + o.UserID
	default:
		text = "user " + first("", o.Username) + in(o.UserDomainID, o.UserDomainName)
	}
	switch {
	case o.ProjectID != "":
		text += " for project id " + o.ProjectID
	case o.ProjectName != "":
		text += " for project " + first("", o.ProjectName) + in(o.ProjectDomainID, o.ProjectDomainName)
	case o.DomainID != "" || o.DomainName != "":
		text += " for domain " + first(o.DomainID, o.DomainName)
	case o.SystemScope != "":
		text += " for the system"
	case o.TrustID != "":
		text += " for trust " + o.TrustID
	}
	return text
}

func (o Options) usesApplicationCredential() bool {
	return o.AuthType == "v3applicationcredential" || o.AuthType == "" && (o.ApplicationCredentialID != "" || o.ApplicationCredentialName != "")
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	fill := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	fill(&o.ConnectTimeout, 5*time.Second)
	fill(&o.RequestTimeout, 20*time.Second)
	if o.Tries <= 0 {
		o.Tries = 4
	}
	if o.UserAgent == "" {
		o.UserAgent = "drydock"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Interfaces = slices.Clone(o.Interfaces)
	for i, face := range o.Interfaces {
		o.Interfaces[i] = strings.TrimSuffix(strings.TrimSpace(face), "URL") // internalURL is an older name of internal
	}
	if len(o.Interfaces) == 0 {
		o.Interfaces = []string{"internal"}
	}
	if o.UserDomainID == "" && o.UserDomainName == "" {
		o.UserDomainID, o.UserDomainName = o.DefaultDomainID, o.DefaultDomainName
	}
	if o.ProjectDomainID == "" && o.ProjectDomainName == "" {
		o.ProjectDomainID, o.ProjectDomainName = o.DefaultDomainID, o.DefaultDomainName
	}
	return o
}

// invalid is an error about the options.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: [keystone_authtoken] "+format, append([]any{drydock.ErrInvalid}, args...)...)
}

// endpoint returns the URL of the v3 API, which ends in a slash.
func (o Options) endpoint() (string, error) {
	u, err := url.Parse(o.AuthURL)
	switch {
	case o.AuthURL == "":
		return "", invalid("auth_url is missing: the URL of Keystone, as in https://keystone.example:5000/v3")
	case err != nil: // its text quotes the URL, in which a password may be
		return "", invalid("auth_url is not a URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", invalid("auth_url must be as https://keystone.example:5000/v3")
	case u.User != nil:
		return "", invalid("auth_url must not have a user; the options for it are username and password")
	case u.RawQuery != "" || u.Fragment != "":
		return "", invalid("auth_url must have neither query nor fragment")
	}
	path := strings.TrimRight(u.Path, "/")
	if strings.HasSuffix(path, "/v2.0") {
		return "", invalid("auth_url names version 2 of Keystone's API, which is no more; put /v3 for /v2.0")
	}
	if !strings.HasSuffix(path, "/v3") {
		path += "/v3"
	}
	u.Path, u.RawPath = path+"/", ""
	return u.String(), nil
}

// credentials checks who asks for a token, and for what.
func (o Options) credentials() (tokens.AuthOptions, error) {
	var auth tokens.AuthOptions
	switch o.AuthType {
	case "", "password", "v3password", "v3applicationcredential":
	default:
		return auth, invalid("auth_type %q is not one of password, v3password, v3applicationcredential", o.AuthType)
	}
	if o.SystemScope != "" && o.SystemScope != "all" {
		return auth, invalid("system_scope %q: it can only be all", o.SystemScope)
	}
	for _, face := range o.Interfaces {
		if !slices.Contains([]string{"public", "internal", "admin"}, face) {
			return auth, invalid("interface %q is not one of public, internal, admin", face)
		}
	}
	if o.usesApplicationCredential() {
		return o.applicationCredential()
	}
	if o.Password == "" {
		return auth, invalid("password is missing")
	}
	if err := o.setUser(&auth); err != nil {
		return auth, err
	}
	auth.Password = string(o.Password)
	return auth, o.setScope(&auth.Scope)
}

func (o Options) applicationCredential() (tokens.AuthOptions, error) {
	auth := tokens.AuthOptions{ApplicationCredentialID: o.ApplicationCredentialID, ApplicationCredentialSecret: string(o.ApplicationCredentialSecret)}
	if o.ApplicationCredentialSecret == "" {
		return auth, invalid("application_credential_secret is missing")
	}
	if o.ApplicationCredentialID != "" {
		return auth, nil
	}
	if o.ApplicationCredentialName == "" {
		return auth, invalid("application_credential_id is missing, or application_credential_name with the user that it is of")
	}
	auth.ApplicationCredentialName = o.ApplicationCredentialName
	return auth, o.setUser(&auth)
}

func (o Options) setUser(auth *tokens.AuthOptions) error {
	switch {
	case o.UserID != "":
		auth.UserID = o.UserID
	case o.Username == "":
		return invalid("username or user_id is missing")
	case o.UserDomainID != "":
		auth.Username, auth.DomainID = o.Username, o.UserDomainID
	case o.UserDomainName != "":
		auth.Username, auth.DomainName = o.Username, o.UserDomainName
	default:
		return invalid("user_domain_name or user_domain_id is missing: the domain of user %q, often Default", o.Username)
	}
	return nil
}

func (o Options) setScope(scope *tokens.Scope) error {
	var named []string
	if o.ProjectID != "" || o.ProjectName != "" {
		named = append(named, "project")
		switch {
		case o.ProjectID != "":
			scope.ProjectID = o.ProjectID
		case o.ProjectDomainID != "":
			scope.ProjectName, scope.DomainID = o.ProjectName, o.ProjectDomainID
		case o.ProjectDomainName != "":
			scope.ProjectName, scope.DomainName = o.ProjectName, o.ProjectDomainName
		default:
			return invalid("project_domain_name or project_domain_id is missing: the domain of project %q, often Default", o.ProjectName)
		}
	}
	if o.DomainID != "" || o.DomainName != "" {
		named = append(named, "domain")
		if scope.DomainID = o.DomainID; o.DomainID == "" {
			scope.DomainName = o.DomainName
		}
	}
	if o.SystemScope != "" {
		named, scope.System = append(named, "system"), true
	}
	if o.TrustID != "" {
		named, scope.TrustID = append(named, "trust"), o.TrustID
	}
	if len(named) > 1 {
		return invalid("a token is for one thing only, and the options name a %s", strings.Join(named, " and a "))
	}
	return nil
}

// hideUser returns a URL without user and password, or nothing if that cannot be told.
func hideUser(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "***"
	}
	if u.User != nil {
		u.User = url.User("***")
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}
