package drydock

// BootContext says which deployment a node is in and the key that it shows when it reports. A newer deployment replaces it.
type BootContext struct {
	Node string
	Task TaskID
	Key  []byte // 32 random bytes
}

// BootAction is one thing that a node runs after its deployment, and what it reported of it.
type BootAction struct {
	ID     string // ULID, upper-case base32
	Node   string
	Name   string
	Task   TaskID
	Key    []byte
	Status ResultStatus // incomplete until reported; unreported if it does not signal
}
