package site

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// advised compiles a host below a profile and returns what is said, as level, document, path and text.
func advised(t *testing.T, profile, own Host) []string {
	t.Helper()
	profile.HardwareProfile, own.Profile = profile.HardwareProfile.Or(Some("hw")), Some("p")
	d := &Design{
		HardwareProfiles: []*HardwareProfile{{Ref: Ref{Name: "hw"}, Aliases: []DeviceAlias{{Alias: "d", BusType: "scsi"}, {Alias: "n", BusType: "usb"}, {Alias: "n", BusType: "pci"}}}},
		HostProfiles:     []*HostProfile{{Ref: Ref{Name: "p"}, Host: profile}},
		Nodes:            []*BaremetalNode{{Ref: Ref{Name: "a"}, Host: own}},
	}
	_, findings := Compile(d)
	var said []string
	for _, f := range findings {
		said = append(said, fmt.Sprint(f.Level, " ", f.Docs, " ", f.Path, " ", f.Text))
	}
	return said
}

// What takes nothing away is said, wherever it stands; what takes something away is not.
func TestIdleRemoval(t *testing.T) {
	disks := func(part string) []Device {
		return []Device{{Name: "sda", Partitions: []Partition{{Name: part, Labels: labels("k", "v")}}}}
	}
	groups := []VolumeGroup{{Name: "vg", Volumes: []Volume{{Name: "lv"}}}}
	full := Host{
		Rack: Some("r"), Tags: []string{"t"}, OwnerData: labels("k", "v"), Devices: disks("root"), Groups: groups,
		Interfaces: []Interface{{Name: "i", Slaves: []string{"s"}, Networks: []string{"n"}, Link: Some("l")}},
	}
	for name, c := range map[string]struct {
		own  Host
		want string // path; the text names it
	}{
		"a value":                {Host{Image: Some("!")}, "/data/platform/image"},
		"a value that is there":  {Host{Rack: Some("!")}, ""},
		"a tag":                  {Host{Tags: []string{"!x"}}, "/data/metadata/tags"},
		"a tag that is there":    {Host{Tags: []string{"!t"}}, ""},
		"own tag":                {Host{Tags: []string{"x", "!x"}}, "/data/metadata/tags"},
		"a label":                {Host{OwnerData: labels("!x/y", "")}, "/data/metadata/owner_data/!x~1y"},
		"a label that is there":  {Host{OwnerData: labels("!k", "")}, ""},
		"a kernel parameter":     {Host{KernelParams: labels("!quiet", "")}, "/data/platform/kernel_params/!quiet"},
		"an interface":           {Host{Interfaces: []Interface{{Name: "!x"}}}, "/data/interfaces/!x"},
		"a slave":                {Host{Interfaces: []Interface{{Name: "i", Slaves: []string{"!x"}}}}, "/data/interfaces/i/slaves"},
		"a slave of a new one":   {Host{Interfaces: []Interface{{Name: "j", Slaves: []string{"!s"}}}}, "/data/interfaces/j/slaves"},
		"a slave that is there":  {Host{Interfaces: []Interface{{Name: "i", Slaves: []string{"!s"}, Networks: []string{"!n"}, Link: Some("!")}}}, ""},
		"a disk":                 {Host{Devices: []Device{{Name: "!sdb"}}}, "/data/storage/physical_devices/!sdb"},
		"a disk that is there":   {Host{Devices: []Device{{Name: "!sda"}}}, ""},
		"a partition":            {Host{Devices: disks("!boot")}, "/data/storage/physical_devices/sda/partitions"},
		"a partition, there":     {Host{Devices: disks("!root")}, ""},
		"a volume":               {Host{Groups: []VolumeGroup{{Name: "vg", Volumes: []Volume{{Name: "!x"}}}}}, "/data/storage/volume_groups/vg/logical_volumes"},
		"a volume that is there": {Host{Groups: []VolumeGroup{{Name: "vg", Volumes: []Volume{{Name: "!lv"}}}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			said := advised(t, full, c.own)
			if c.want == "" && len(said) > 0 || c.want != "" && (len(said) != 1 || !strings.HasPrefix(said[0], "Warning [ \"a\"] "+c.want+" ")) {
				t.Errorf("%q, want %q", said, c.want)
			}
		})
	}
}

// An alias on another bus than interfaces are looked for is said once, in the hardware profile.
func TestAliasOnOtherBus(t *testing.T) {
	said := advised(t, Host{Interfaces: []Interface{{Name: "i", Slaves: []string{"d", "n", "eno1"}}, {Name: "j", Slaves: []string{"d"}}}}, Host{})
	if len(said) != 1 || !strings.HasPrefix(said[0], "Warning [ \"hw\"] /data/device_aliases/d ") {
		t.Errorf("%q", said)
	}
}

// Names that stand for nothing.
func TestNames(t *testing.T) {
	d := twoNodes()
	d.HardwareProfiles = []*HardwareProfile{{Ref: Ref{Name: "hw"}}}
	d.Regions = []*Region{{Ref: Ref{Name: "old"}}, {Ref: Ref{Name: "new"}}}
	d.Networks = []*Network{{Ref: Ref{Name: "mgmt"}}}
	for i, primary := range []string{"mgmt", "ghost"} {
		d.Nodes[i].HardwareProfile, d.Nodes[i].PrimaryNetwork = Some("hw"), Some(primary)
	}
	_, findings := Compile(d)
	if len(findings) != 2 || findings[0].Docs[0].Name != "old" || findings[1].Docs[0].Name != "w1" || findings[1].Path != "/data/primary_network" {
		t.Errorf("%+v", findings)
	}
	d.Networks = nil // then every name would be unknown, which a rule says once
	if _, findings = Compile(d); len(findings) != 1 {
		t.Errorf("%+v", findings)
	}
}

// Taking away takes time in proportion to what is said, not to its square: that would be many minutes.
func TestRemovalIsLinear(t *testing.T) {
	const many = 200_000
	var profile, own Host
	for i := range many {
		name := fmt.Sprint(i)
		profile.Tags, own.Tags = append(profile.Tags, name), append(own.Tags, "!x"+name)
		profile.OwnerData, own.OwnerData = append(profile.OwnerData, Attr{Key: name}), append(own.OwnerData, Attr{Key: "!x" + name})
		profile.Interfaces, own.Interfaces = append(profile.Interfaces, Interface{Name: name}), append(own.Interfaces, Interface{Name: "!x" + name})
	}
	start := time.Now()
	if said := advised(t, profile, own); len(said) < 5000 {
		t.Errorf("%d findings", len(said))
	}
	if took := time.Since(start); took > 40*time.Second {
		t.Errorf("it took %v", took)
	}
}
