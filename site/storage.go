package site

// Device is a disk. It is divided into partitions or belongs to a volume group as a whole.
type Device struct {
	Name        string
	VolumeGroup Opt[string]
	Labels      Attrs
	Partitions  []Partition
}

// Partition is a part of a device. It holds a file system or belongs to a volume group.
type Partition struct {
	Name        string
	Bootable    Opt[bool]
	Size, UUID  Opt[string]
	VolumeGroup Opt[string]
	Labels      Attrs
	FS          *Filesystem // nil: none
}

// VolumeGroup is storage of several devices or partitions, divided into logical volumes.
type VolumeGroup struct {
	Name    string
	UUID    Opt[string]
	Volumes []Volume
}

// Volume is a logical volume.
type Volume struct {
	Name       string
	Size, UUID Opt[string]
	FS         *Filesystem // nil: none
}

// Filesystem is what a partition or volume is formatted with. What the document leaves out is inherited; what nobody says is the default.
type Filesystem struct{ Mountpoint, Type, Options, UUID, Label Opt[string] }

// TypeName returns the type, by default ext4.
func (f *Filesystem) TypeName() string { return f.Type.Or(Some("ext4")).V }

// MountOptions returns the options, by default "defaults".
func (f *Filesystem) MountOptions() string { return f.Options.Or(Some("defaults")).V }

// Mount returns where the file system is mounted; nothing for none. It may be called on nil.
func (f *Filesystem) Mount() Opt[string] {
	if f == nil {
		return Opt[string]{}
	}
	return f.Mountpoint
}

// BlockDevice returns the names of what holds the file system mounted at mount, and of what that is in: a volume in a volume group, or a
// partition in a device. Both are empty if there is none.
func (h *Host) BlockDevice(mount string) (container, part string) {
	for i := range h.Groups {
		for j := range h.Groups[i].Volumes {
			if v := &h.Groups[i].Volumes[j]; v.FS.Mount() == Some(mount) {
				return h.Groups[i].Name, v.Name
			}
		}
	}
	for i := range h.Devices {
		for j := range h.Devices[i].Partitions {
			if p := &h.Devices[i].Partitions[j]; p.FS.Mount() == Some(mount) {
				return h.Devices[i].Name, p.Name
			}
		}
	}
	return "", ""
}
