package site

// NetworkLink is a kind of cabling: what an interface, or a bond of several, is plugged into.
type NetworkLink struct {
	Ref
	Labels          Attrs
	Bonding         Bonding
	MTU             int // 1500 unless the document says otherwise
	Speed           string
	Trunking        string // TrunkDisabled, Trunk8021Q
	NativeNetwork   Opt[string]
	AllowedNetworks []string
}

// Bonding is how the members of a bond work together. What the mode does not use is left out.
type Bonding struct {
	Mode                        string
	Hash, PeerRate              Opt[string]
	MonRate, UpDelay, DownDelay Opt[int] // ms
}

// The modes of links.
const (
	BondDisabled     = "disabled"
	Bond8023AD       = "802.3ad"
	BondBalanceRR    = "balance-rr"
	BondActiveBackup = "active-backup"

	TrunkDisabled = "disabled"
	Trunk8021Q    = "802.1q"
)
