package bench

import "fmt"

// hardware are the makes of machines.
var hardware = []struct{ name, vendor, nic, bus string }{
	{"tug-2", "Example", "I350 Gigabit Network Connection", "03"}, {"tug-3", "Example", "MT27800 Family ConnectX-5", "5e"}, {"barge-1", "Sample", "Ethernet Controller X710", "19"},
}

func (s *siteWriter) hardwareProfile(i int) {
	h := hardware[i]
	s.document("HardwareProfile", h.name, `  bios_version: 2.%[1]d.0
  boot_mode: uefi
  bootstrap_protocol: pxe
  cpu_sets:
    kvm: 4-%[2]d
    sriov: 2-3
  device_aliases:
    boot_disk:
      address: '2:0.0.0'
      bus_type: scsi
      dev_type: SSD
    data_nic1:
      address: '0000:%[3]s:00.0'
      bus_type: pci
      dev_type: %[4]s
    data_nic2:
      address: '0000:%[3]s:00.1'
      bus_type: pci
      dev_type: %[4]s
    pxe_nic:
      address: '0000:01:00.0'
      bus_type: pci
      dev_type: %[4]s
  generation: '%[1]d'
  hugepages:
    dpdk:
      count: %[5]d
      size: 1G
  hw_version: '1'
  pxe_interface: 0
  vendor: %[6]s
`, i+2, 31+16*i, h.bus, h.nic, 16+s.random.IntN(48), h.vendor)
}

// roles are what nodes are for, and how many of each hundred.
var roles = []struct {
	name  string
	share int
	data  string // of the profile
}{
	{"control", 10, `  metadata:
    owner_data:
      harbour-control: enabled
    tags:
    - control
  platform:
    kernel_params:
      isolcpus: hardwareprofile:cpuset.kvm
`}, {"storage", 20, `  metadata:
    owner_data:
      harbour-storage: enabled
    tags:
    - storage
  storage:
    physical_devices:
      sdc:
        volume_group: ceph
      sdd:
        volume_group: ceph
    volume_groups:
      ceph:
        logical_volumes:
        - filesystem:
            mountpoint: none
          name: osd
          size: '98%%'
`}, {"compute", 70, `  metadata:
    owner_data:
      harbour-compute: enabled
    tags:
    - compute
  platform:
    kernel_params:
      hugepages: hardwareprofile:hugepages.dpdk.count
      hugepagesz: hardwareprofile:hugepages.dpdk.size
      isolcpus: hardwareprofile:cpuset.kvm
`},
}

// hostProfiles writes a profile for everybody, one for each role, and one for each role in each pod.
func (s *siteWriter) hostProfiles(pods int) {
	s.document("HostProfile", "defaults", `  hardware_profile: tug-2
  metadata:
    owner_data:
      harbour-node: enabled
  oob:
    account: harbour
    credential: change-me
    type: ipmi
  platform:
    image: jammy
    kernel: ga-22.04
    kernel_params:
      console: ttyS1,115200n8
      intel_iommu: 'on'
  storage:
    physical_devices:
      sda:
        labels:
          bootdrive: 'true'
        partitions:
        - bootable: true
          filesystem:
            fstype: ext4
            mount_options: defaults
            mountpoint: /boot
          name: boot
          size: 2g
        - filesystem:
            fstype: ext4
            mount_options: defaults
            mountpoint: /
          name: root
          size: 60g
        - filesystem:
            fstype: ext4
            mount_options: defaults
            mountpoint: /var/log
          name: log
          size: '>100g'
      sdb:
        volume_group: data
    volume_groups:
      data:
        logical_volumes:
        - filesystem:
            fstype: xfs
            mount_options: defaults
            mountpoint: /var/lib/images
          name: images
          size: '60%%'
`)
	for _, role := range roles {
		s.document("HostProfile", role.name, "  host_profile: defaults\n"+role.data)
		for p := range pods {
			s.document("HostProfile", fmt.Sprintf("%s-%d", role.name, p), `  host_profile: %[1]s
  interfaces:
    bond0:
      device_link: data-%[2]d
      networks:
      - mgmt-%[2]d
      - storage-%[2]d
      - calico-%[2]d
      slaves:
      - data_nic1
      - data_nic2
    pxe:
      device_link: pxe-%[2]d
      networks:
      - pxe-%[2]d
      slaves:
      - pxe_nic
  metadata:
    owner_data:
      pod: pod-%[2]d
  oob:
    network: oob-%[2]d
  primary_network: mgmt-%[2]d
`, role.name, p)
		}
	}
}

func (s *siteWriter) role() string {
	n := s.random.IntN(100)
	for _, r := range roles {
		if n -= r.share; n < 0 {
			return r.name
		}
	}
	return roles[0].name
}

// node writes a node of its rack and pod. One in ten differs from its profile.
func (s *siteWriter) node(i int) {
	pod, at := i/nodesPerPod, i%nodesPerPod
	third, fourth := (at+16)/256, (at+16)%256
	role, own, tag := s.role(), "", ""
	if s.random.IntN(3) > 0 {
		own = "  hardware_profile: " + hardware[1+s.random.IntN(len(hardware)-1)].name + "\n"
	}
	if s.random.IntN(10) == 0 {
		own += fmt.Sprintf("  interfaces:\n    bond0:\n      networks:\n      - '!calico-%d'\n", pod)
	}
	if s.random.IntN(10) == 0 {
		tag = "    - spare\n"
	}
	s.document("BaremetalNode", fmt.Sprintf("%s-%05d", role, i), `  addressing:
  - address: 10.%[1]d.%[2]d.%[7]d
    network: oob-%[1]d
  - address: dhcp
    network: pxe-%[1]d
  - address: 10.%[1]d.%[4]d.%[7]d
    network: mgmt-%[1]d
  - address: 10.%[1]d.%[5]d.%[7]d
    network: storage-%[1]d
  - address: 10.%[1]d.%[6]d.%[7]d
    network: calico-%[1]d
%[8]s  host_profile: %[3]s-%[1]d
  metadata:
    boot_mac: '52:54:%[9]02x:%[10]02x:%[11]02x:%[12]02x'
    owner_data:
      serial: HRB%[13]07d
    rack: %[14]s
    tags:
    - row-%[15]d
%[16]s`, pod, third, role, third+8, third+12, third+16, fourth, own, s.random.IntN(256), pod, at/256, at%256, s.random.IntN(10_000_000), rackName(i/nodesPerRack), i/nodesPerRack%26, tag)
}

func (s *siteWriter) bootActions() {
	s.document("BootAction", "welcome", `  assets:
  - data: |
      {{ node.hostname }}.{{ node.domain }} was built by Drydock.
    data_pipeline:
    - utf8_decode
    - template
    path: /etc/motd
    permissions: '644'
    type: file
  signaling: false
`)
	for _, role := range roles {
		s.document("BootAction", "join-"+role.name, `  assets:
  - data: |
      [Unit]
      Description=Join {{ node.hostname }} to the cluster
      After=network-online.target

      [Service]
      Type=oneshot
      ExecStart=/usr/local/bin/join %[1]s

      [Install]
      WantedBy=multi-user.target
    data_pipeline:
    - utf8_decode
    - template
    path: /etc/systemd/system/join.service
    permissions: '444'
    type: unit
  - data: |
      #!/bin/sh
      exec echo joined
    data_pipeline:
    - utf8_decode
    path: /usr/local/bin/join
    permissions: '555'
    type: file
  - data:
      ceph-common: null
      chrony: 4.2-2ubuntu2
    type: pkg_list
  node_filter:
    filter_set:
    - filter_type: intersection
      node_labels:
        harbour-%[1]s: enabled
      node_tags:
      - %[1]s
    filter_set_type: union
  signaling: true
`, role.name)
	}
}
