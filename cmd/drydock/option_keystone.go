package main

import (
	"fmt"
	"strconv"
	"strings"

	"drydock/keystone"
)

const keystoneGroup = "keystone_authtoken"

// keystoneOptions say who asks Keystone for tokens. They have the names of the libraries that OpenStack services are configured by, and in the
// environment also those of the OpenStack command line.
var keystoneOptions = []option{
	keystoneText("auth_url", "OS_AUTH_URL", "URL of Keystone; without it references to Deckhand and Promenade are refused",
		func(o *keystone.Options) *string { return &o.AuthURL }),
	keystoneText("auth_type", "OS_AUTH_TYPE", "password or v3applicationcredential; empty: what the other options are for",
		func(o *keystone.Options) *string { return &o.AuthType }),
	keystoneText("username", "OS_USERNAME", "the account that asks for tokens", func(o *keystone.Options) *string { return &o.Username }, "user_name"),
	keystoneText("user_id", "OS_USER_ID", "its id, which can be said instead of name and domain", func(o *keystone.Options) *string { return &o.UserID }),
	keystoneSecret("password", "OS_PASSWORD", "its password", func(o *keystone.Options) *keystone.Secret { return &o.Password }),
	keystoneText("user_domain_name", "OS_USER_DOMAIN_NAME", "domain of the account", func(o *keystone.Options) *string { return &o.UserDomainName }),
	keystoneText("user_domain_id", "OS_USER_DOMAIN_ID", "the same by id; an id wins over a name", func(o *keystone.Options) *string { return &o.UserDomainID }),
	keystoneText("project_name", "OS_PROJECT_NAME", "project that tokens are for; without any scope it is the default project of the account",
		func(o *keystone.Options) *string { return &o.ProjectName }, "tenant_name"),
	keystoneText("project_id", "OS_PROJECT_ID", "the same by id", func(o *keystone.Options) *string { return &o.ProjectID }, "tenant_id"),
	keystoneText("project_domain_name", "OS_PROJECT_DOMAIN_NAME", "domain of that project", func(o *keystone.Options) *string { return &o.ProjectDomainName }),
	keystoneText("project_domain_id", "OS_PROJECT_DOMAIN_ID", "the same by id", func(o *keystone.Options) *string { return &o.ProjectDomainID }),
	keystoneText("default_domain_name", "OS_DEFAULT_DOMAIN_NAME", "domain of account and project where those name none",
		func(o *keystone.Options) *string { return &o.DefaultDomainName }),
	keystoneText("default_domain_id", "OS_DEFAULT_DOMAIN_ID", "the same by id", func(o *keystone.Options) *string { return &o.DefaultDomainID }),
	keystoneText("domain_name", "OS_DOMAIN_NAME", "domain that tokens are for, instead of a project", func(o *keystone.Options) *string { return &o.DomainName }),
	keystoneText("domain_id", "OS_DOMAIN_ID", "the same by id", func(o *keystone.Options) *string { return &o.DomainID }),
	keystoneText("system_scope", "OS_SYSTEM_SCOPE", "all: tokens are for the system, instead of a project", func(o *keystone.Options) *string { return &o.SystemScope }),
	keystoneText("trust_id", "OS_TRUST_ID", "trust that tokens are for, instead of a project", func(o *keystone.Options) *string { return &o.TrustID }),
	keystoneText("application_credential_id", "OS_APPLICATION_CREDENTIAL_ID", "application credential, instead of account and project",
		func(o *keystone.Options) *string { return &o.ApplicationCredentialID }),
	keystoneText("application_credential_name", "OS_APPLICATION_CREDENTIAL_NAME", "the same by its name and the account that it is of",
		func(o *keystone.Options) *string { return &o.ApplicationCredentialName }),
	keystoneSecret("application_credential_secret", "OS_APPLICATION_CREDENTIAL_SECRET", "its secret",
		func(o *keystone.Options) *keystone.Secret { return &o.ApplicationCredentialSecret }),
	keystoneText("region_name", "OS_REGION_NAME", "region of the endpoints that references may point to; empty: any",
		func(o *keystone.Options) *string { return &o.RegionName }),
	{
		group: keystoneGroup, name: "interface", also: []string{"valid_interfaces"}, env: []string{"OS_INTERFACE"}, list: true,
		help: "interface of those endpoints: public, internal, admin; of several the first that there is",
		set:  func(c *config, v []string) error { return setList(&c.Keystone.Interfaces, v) },
		get:  func(c *config) string { return strings.Join(c.Keystone.Interfaces, ",") },
	},
	keystoneText("cafile", "OS_CACERT", "authorities that the certificate of Keystone may be issued by, in PEM; empty: the system's",
		func(o *keystone.Options) *string { return &o.CAFile }),
	keystoneText("certfile", "OS_CERT", "certificate to show to Keystone, in PEM", func(o *keystone.Options) *string { return &o.CertFile }),
	keystoneText("keyfile", "OS_KEY", "its key; empty: in the same file", func(o *keystone.Options) *string { return &o.KeyFile }),
	{
		group: keystoneGroup, name: "insecure", env: []string{"OS_INSECURE"},
		help: "do not look at the certificate of Keystone; whoever is between can then read the password",
		set:  func(c *config, v []string) error { return setSwitch(&c.Keystone.Insecure, v) },
		get:  func(c *config) string { return strconv.FormatBool(c.Keystone.Insecure) },
	},
	{
		group: keystoneGroup, name: "http_connect_timeout",
		help: "seconds to reach Keystone",
		set:  func(c *config, v []string) error { return setDuration(&c.Keystone.ConnectTimeout, v) },
		get:  func(c *config) string { return seconds(c.Keystone.ConnectTimeout) },
	},
	{
		group: keystoneGroup, name: "timeout",
		help: "seconds for one request to Keystone, from connecting to the end of the answer",
		set:  func(c *config, v []string) error { return setDuration(&c.Keystone.RequestTimeout, v) },
		get:  func(c *config) string { return seconds(c.Keystone.RequestTimeout) },
	},
	{
		group: keystoneGroup, name: "http_request_max_retries",
		help: "how often a request is repeated at most if Keystone cannot be reached, or says that it cannot answer now",
		set: func(c *config, v []string) error {
			var n int
			if err := setCount(&n, v); err != nil {
				return err
			}
			if n > 100 {
				return fmt.Errorf("%d is more than 100", n)
			}
			c.Keystone.Tries = n + 1
			return nil
		},
		get: func(c *config) string { return strconv.Itoa(c.Keystone.Tries - 1) },
	},
}

// keystoneText is an option that may be empty.
func keystoneText(name, env, help string, field func(*keystone.Options) *string, also ...string) option {
	return option{
		group: keystoneGroup, name: name, also: also, env: []string{env}, help: help,
		set: func(c *config, v []string) error {
			*field(&c.Keystone) = strings.TrimSpace(v[len(v)-1])
			return nil
		},
		get: func(c *config) string { return *field(&c.Keystone) },
	}
}

// keystoneSecret is an option that is never written anywhere.
func keystoneSecret(name, env, help string, field func(*keystone.Options) *keystone.Secret) option {
	return option{
		group: keystoneGroup, name: name, env: []string{env}, help: help,
		set: func(c *config, v []string) error {
			*field(&c.Keystone) = keystone.Secret(v[len(v)-1])
			return nil
		},
		get: func(*config) string { return "" },
	}
}
