package site

// BootAction is what nodes get and run when they boot for the first time.
type BootAction struct {
	Ref
	Assets    []Asset
	Filter    *NodeFilter // nil: every node
	Signaling bool
	Targets   []string // names of the nodes it is for, in the order of the design; made by Compile
}

// Asset is one file, unit or list of packages of a boot action.
type Asset struct {
	Type             string // AssetUnit, AssetFile, AssetPackages
	Path, Location   Opt[string]
	Data             Opt[string]
	Packages         Attrs // name → version; null: any
	LocationPipeline []string
	DataPipeline     []string
	Permissions      Opt[int] // as of chmod
}

// The types of assets.
const (
	AssetUnit     = "unit"
	AssetFile     = "file"
	AssetPackages = "pkg_list"
)
