package design

import (
	"fmt"
	"strings"
	"testing"

	"drydock/site"
)

// schemaCases are payloads by kind: good ones, and bad ones with the code and place of what is found, in order.
var schemaCases = map[string][]struct {
	payload string
	want    string
}{
	"Region": {
		{`{}`, ""},
		{`{tag_definitions: [{tag: a, definition_type: lshw_xpath, definition: //x}], authorized_keys: [ssh-rsa x], repositories: {remove_unlisted: true, ubuntu: {repo_type: apt, url: http://x, arches: [amd64], options: {a: b}}}}`, ""},
		{`{repositories: {ubuntu: {url: http://x, anything: 1, components: main}, b: {repo_type: aptt}}}`, "warning /data/repositories/ubuntu warning /data/repositories/ubuntu warning /data/repositories/ubuntu/components warning /data/repositories/b warning /data/repositories/b/repo_type"},
		{`{foo: 1}`, "DD001 /data"},
		{`[]`, "DD001 /data"},
		{`{authorized_keys: ssh-rsa x}`, "DD001 /data/authorized_keys"},
		{`{authorized_keys: [1, a, {}]}`, "DD001 /data/authorized_keys/0 DD001 /data/authorized_keys/2"},
		{`{tag_definitions: [{definition_type: other, foo: 1}, {tag: 5}]}`, "DD001 /data/tag_definitions/0/definition_type DD001 /data/tag_definitions/0 DD001 /data/tag_definitions/1/tag"},
		{`{tag_definitions: [{tag: a}]}`, "DD000 /data/tag_definitions/0"},
		{`{repositories: {remove_unlisted: 'yes'}}`, "DD001 /data/repositories/remove_unlisted"},
		{`{repositories: {ubuntu: text}}`, "DD000 /data/repositories/ubuntu"},
		{`{repositories: []}`, "DD001 /data/repositories"},
	},
	"Rack": {
		{`{}`, ""},
		{`{tor_switches: {sw1: {mgmt_ip: 10.0.0.1, sdn_api_uri: x, other: 1}, sw2: {}}, location: {clli: A, grid: B, floor: 3}, local_networks: [a], labels: {a: 1}}`, ""},
		{`{foo: 1, bar: 2}`, "DD001 /data"},
		{`{location: {clli: 5}}`, "DD001 /data/location/clli"},
		{`{tor_switches: {mgmt_ip: {}}}`, "DD001 /data/tor_switches/mgmt_ip"},
		{`{tor_switches: {sw1: null}}`, "DD000 /data/tor_switches/sw1"},
		{`{location: {floor: [3]}}`, "DD000 /data/location/floor"},
		{`{local_networks: [5]}`, "DD001 /data/local_networks/0"},
	},
	"NetworkLink": {
		{`{allowed_networks: []}`, ""},
		{`{bonding: {mode: 802.3ad, hash: layer3+4, peer_rate: fast, mon_rate: 100, up_delay: 1.5, down_delay: 200}, mtu: 9000, linkspeed: auto, trunking: {mode: 802.1q, default_network: a}, allowed_networks: [a], labels: {a: null, b: 1}}`, ""},
		{`{foo: 1, allowed_networks: []}`, "DD001 /data"},
		{`{mtu: '1500', linkspeed: 100, allowed_networks: a}`, "DD001 /data/mtu DD001 /data/linkspeed DD001 /data/allowed_networks"},
		{`{bonding: {mode: bad}, trunking: {mode: bad}, labels: {a: [1]}}`, "DD000 /data DD000 /data/bonding/mode DD000 /data/trunking/mode DD000 /data/labels/a"},
		{`{bonding: {hash: a, mon_rate: 1}, allowed_networks: []}`, "warning /data/bonding/hash warning /data/bonding/mon_rate"},
		{`{bonding: {mode: active-backup, up_delay: 5, peer_rate: fast}, mtu: 0x5DC, allowed_networks: []}`, "warning /data/bonding/peer_rate"},
		{`{bonding: {mode: balance-rr, mon_rate: 0100, down_delay: 1_000, up_delay: 10:00}, allowed_networks: []}`, "warning /data/bonding/mon_rate warning /data/bonding/up_delay"},
		{`{bonding: {speed: 1}, trunking: {vlan: 1}, allowed_networks: []}`, "DD001 /data/bonding DD001 /data/trunking"},
		{`{bonding: null, allowed_networks: []}`, "DD001 /data/bonding"},
	},
	"Network": {
		{`{cidr: 10.0.0.0/24}`, ""},
		{`{cidr: nonsense is not looked at here, ranges: [{type: dhcp, start: a, end: b}], dns: {domain: d, servers: 's,t'}, dhcp_relay: {self_ip: a, upstream_target: b}, mtu: 1500, vlan: '5', routedomain: r, routes: [{subnet: a, gateway: b, metric: 1, routedomain: r}], labels: {a: b}}`, ""},
		{`{}`, "DD000 /data"},
		{`{cidr: 10.0.0.0/24, vlan: 5}`, "DD001 /data/vlan"},
		{`{cidr: 10.0.0.0/24, mtu: true}`, "DD001 /data/mtu"},
		{
			`{cidr: 10.0.0.0/24, dns: {servers: [a]}, dhcp_relay: {foo: 1}, ranges: {}, routes: [{metric: a, foo: b}, 5]}`,
			"DD001 /data/dns/servers DD001 /data/dhcp_relay DD001 /data/ranges DD001 /data/routes/0/metric DD001 /data/routes/0 DD001 /data/routes/1",
		},
	},
	"HardwareProfile": {
		{`{}`, ""},
		{`{vendor: a, generation: '1', hw_version: '2', bios_version: 2.2.3, boot_mode: bios, bootstrap_protocol: pxe, pxe_interface: 0, device_aliases: {n: {address: a, bus_type: pci, dev_type: x, more: 1}}, cpu_sets: {a: '1'}, hugepages: {d: {size: 1G, count: 3, more: 1}, e: {size: 1, count: '4'}, f: {size: 1G, count: 2.9}}}`, ""},
		{`{boot_mode: legacy, bootstrap_protocol: 5}`, "DD001 /data/boot_mode DD001 /data/bootstrap_protocol"},
		{`{pxe_interface: '0'}`, "DD001 /data/pxe_interface"},
		{`{cpu_sets: {a: 4}, hugepages: {d: 5}, device_aliases: []}`, "DD001 /data/cpu_sets/a DD001 /data/hugepages/d DD001 /data/device_aliases"},
		{`{device_aliases: {n: {}, m: {address: a, bus_type: null}, o: text}}`, "DD000 /data/device_aliases/n DD000 /data/device_aliases/n DD000 /data/device_aliases/m/bus_type DD000 /data/device_aliases/o"},
		{
			`{hugepages: {d: {}, e: {size: 1G, count: -1}, f: {size: 1G, count: many}, g: {size: [], count: 1}}}`,
			"DD000 /data/hugepages/d DD000 /data/hugepages/d DD000 /data/hugepages/e/count DD000 /data/hugepages/f/count DD000 /data/hugepages/g/size",
		},
	},
	"HostProfile": append(hostCases, []struct{ payload, want string }{
		{`{}`, ""},
		{`{interfaces: {a: {sriov: {vf_count: 4, trustmode: true, trustedmode: x}}}}`, ""},
		{`{interfaces: {a: {sriov: {vf_count: x, trustmode: 1}}}}`, "DD001 /data/interfaces/a/sriov/vf_count DD001 /data/interfaces/a/sriov/trustmode"},
		{`{addressing: []}`, "DD001 /data"},
	}...),
	"BaremetalNode": append(nodeCases(), []struct{ payload, want string }{
		{`{}`, "DD000 /data"},
		{`{addressing: []}`, "DD000 /data/addressing"},
		{`{addressing: [{address: dhcp, network: a, more: 1}]}`, ""},
		{`{addressing: [{}]}`, "DD000 /data/addressing/0 DD000 /data/addressing/0"},
		{`{addressing: [{address: '', network: a}]}`, "DD000 /data/addressing/0/address"},
		{`{addressing: [{address: 1, network: a}, text]}`, "DD001 /data/addressing/0/address DD001 /data/addressing/1"},
		{`{addressing: {}}`, "DD001 /data/addressing"},
		{`{addressing: [{address: dhcp, network: a}], interfaces: {a: {sriov: {vf_count: anything}}}}`, ""},
		{`{addressing: [{address: dhcp, network: a}], interfaces: {a: {sriov: }}}`, "DD000 /data/interfaces/a/sriov"},
	}...),
	"BootAction": {
		{`{assets: []}`, ""},
		{`{signaling: false, assets: [{type: file, path: /a, data: x, permissions: '644', data_pipeline: [template, utf8_decode, utf8_encode, base64_encode, base64_decode], location_pipeline: [template], location: http://x}, {type: pkg_list, data: {a: '1', b: null}}, {type: pkg_list, location: http://x}, {type: unit}], node_filter: {filter_set_type: union, filter_set: [{filter_type: intersection, node_names: [a], node_tags: [b], node_labels: {c: d}, rack_names: [e], rack_labels: {f: 1}}, {}]}}`, ""},
		{`{}`, "DD000 /data"},
		{`{assets: [{path: /a}]}`, "DD001 /data/assets/0"},
		{
			`{assets: [{type: tar, path: a, data: 5, permissions: 644, location_pipeline: [utf8_decode], data_pipeline: [gzip], foo: 1}]}`,
			"DD001 /data/assets/0/type DD001 /data/assets/0/path DD001 /data/assets/0/data DD001 /data/assets/0/permissions DD001 /data/assets/0/location_pipeline/0 DD001 /data/assets/0/data_pipeline/0 DD001 /data/assets/0",
		},
		{`{assets: [{type: pkg_list, data: {a: 1, b: [], c: x}}]}`, "DD001 /data/assets/0/data/a"},
		{`{assets: [{type: pkg_list, data: [a, b]}]}`, "DD001 /data/assets/0/data"},
		{`{assets: [{type: pkg_list, data: {0xffff: x}}]}`, "DD000 /data/assets/0/data/65535"},
		{`{assets: [{type: pkg_list}]}`, "DD000 /data/assets/0"},
		{`{assets: [{type: pkg_list, data: text}]}`, "DD000 /data/assets/0"},
		{`{assets: [{type: file, data: {a: b}}, {type: unit, data: {}}]}`, "DD000 /data/assets/0 DD000 /data/assets/1"},
		{`{assets: [{type: file, permissions: '999'}, {type: file, permissions: x555}, {type: file, permissions: '0644'}]}`, "DD000 /data/assets/0/permissions DD000 /data/assets/1/permissions"},
		{`{assets: [{type: file, permissions: '55'}]}`, "DD001 /data/assets/0/permissions"},
		{`{assets: [], node_filter: {filter_set: [{filter_type: xor, node_names: a, foo: 1}]}}`, "DD001 /data/node_filter/filter_set/0/filter_type DD001 /data/node_filter/filter_set/0/node_names DD001 /data/node_filter/filter_set/0"},
		{`{assets: [], node_filter: {}}`, "DD000 /data/node_filter"},
		{`{assets: [], node_filter: null}`, "DD001 /data/node_filter"},
		{`{assets: [], node_filter: {filter_set_type: union, filter_set: [{node_labels: {a: null}}]}}`, "DD000 /data/node_filter/filter_set/0/node_labels/a"},
	},
}

// hostCases hold for host profiles and, with an address added, for nodes.
var hostCases = []struct{ payload, want string }{
	{`{oob: {type: ipmi, network: a, account: b, credential: c, libvirt_uri: d, port: 5, trusted: true}, platform: {image: a, kernel: b, kernel_params: {quiet: true, n: 5, s: x}}, metadata: {tags: [a], owner_data: {a: b}, rack: r}, host_profile: a, hardware_profile: b, primary_network: c}`, ""},
	{`{interfaces: {a: {device_link: b, slaves: [c], networks: [d], labels: {x: 1}}}}`, ""},
	{`{storage: {physical_devices: {sda: {labels: {a: 'true'}, partitions: [{name: a, size: 1g, part_uuid: x, volume_group: v, labels: {a: b}, bootable: true, filesystem: {mountpoint: /, fstype: a, mount_options: b, fs_uuid: c, fs_label: d}}], other: 1}, sdb: {volume_group: v}}, volume_groups: {v: {vg_uuid: x, logical_volumes: [{name: a, lv_uuid: b, size: 5%, filesystem: {mountpoint: /x, more: 1}, more: 1}], more: 1}}, more: 1}}`, ""},
	{`{oob: {on: 1, x: off, port: 0o17, id: 0017, y: true}, platform: {kernel_params: {a: yes, b: 'yes', c: 1.10, d: 2024-01-02, e: 12:30}}}`, "warning /data/oob/on warning /data/oob/x warning /data/oob/id warning /data/platform/kernel_params/a warning /data/platform/kernel_params/c warning /data/platform/kernel_params/d warning /data/platform/kernel_params/e"},
	{`{foo: 1}`, "DD001 /data"},
	{`{oob: {type: 5}}`, "DD001 /data/oob/type"},
	{`{oob: {port: null, nested: {}}}`, "DD000 /data/oob/port DD000 /data/oob/nested"},
	{`{platform: {kernel_params: {a: null}}}`, "DD000 /data/platform/kernel_params/a"},
	{`{platform: {image: 5, foo: 1}}`, "DD001 /data/platform/image DD001 /data/platform"},
	{`{metadata: {boot_mac: 52:54:00:12:34:56, owner_data: {a: 1}, tags: a, foo: b}}`, "DD001 /data/metadata/boot_mac DD001 /data/metadata/owner_data/a DD001 /data/metadata/tags DD001 /data/metadata"},
	{`{interfaces: {pxe: , a: [], b: {slaves: c, networks: [1]}}}`, "DD001 /data/interfaces/pxe DD001 /data/interfaces/a DD001 /data/interfaces/b/slaves DD001 /data/interfaces/b/networks/0"},
	{
		`{storage: {physical_devices: {sda: text, sdb: {labels: {bootdrive: true}, partitions: [{foo: 1, name: 5, filesystem: {foo: 1}}]}}}}`,
		"DD001 /data/storage/physical_devices/sda DD001 /data/storage/physical_devices/sdb/labels/bootdrive DD001 /data/storage/physical_devices/sdb/partitions/0 DD001 /data/storage/physical_devices/sdb/partitions/0/name DD001 /data/storage/physical_devices/sdb/partitions/0/filesystem",
	},
	{`{storage: {physical_devices: {sda: {partitions: [{size: 1g}]}, sdb: {volume_group: v, partitions: [{size: 1g}]}}}}`, "DD000 /data/storage/physical_devices/sda/partitions/0"},
	{`{storage: {volume_groups: {v: {vg_uuid: 1, logical_volumes: [{size: 1}, x]}}}}`, "DD001 /data/storage/volume_groups/v/vg_uuid DD001 /data/storage/volume_groups/v/logical_volumes/0/size DD001 /data/storage/volume_groups/v/logical_volumes/1"},
	{`{storage: {volume_groups: {v: {logical_volumes: [{size: 1g}]}}}}`, "DD000 /data/storage/volume_groups/v/logical_volumes/0"},
}

func nodeCases() []struct{ payload, want string } {
	cases := make([]struct{ payload, want string }, len(hostCases))
	for i, c := range hostCases {
		cases[i] = c
		cases[i].payload = strings.TrimSuffix(c.payload, "}") + ", addressing: [{address: dhcp, network: n}]}"
	}
	return cases
}

func TestSchemas(t *testing.T) {
	in := newIngester(t)
	for _, kind := range kindNames() {
		cases := schemaCases[kind]
		if len(cases) == 0 {
			t.Errorf("no cases for %s", kind)
		}
		for _, c := range cases {
			src := fmt.Sprintf("schema: drydock/%s/v1\nmetadata: {name: x}\ndata: %s\n", kind, c.payload)
			d, findings := in.Ingest([]byte(src))
			if got := places(findings); got != c.want || (len(d.Documents) == 1) != !strings.Contains(c.want, "DD0") {
				t.Errorf("%s %s\n got %q\nwant %q\n%s", kind, c.payload, got, c.want, report(d, findings))
			}
			old := fmt.Sprintf("apiVersion: drydock/v1\nkind: %s\nmetadata: {name: x}\nspec: %s\n", kind, c.payload)
			_, findings = in.Ingest([]byte(old))
			if got, want := places(findings), strings.ReplaceAll(c.want, " /data", " /spec"); got != want {
				t.Errorf("old envelope, %s %s\n got %q\nwant %q", kind, c.payload, got, want)
			}
		}
	}
}

func places(findings []site.Finding) string {
	var all []string
	for _, f := range findings {
		if f.Level == site.Error {
			all = append(all, f.Code+" "+f.Path)
		} else {
			all = append(all, "warning "+f.Path)
		}
		if f.Code == "" || f.Line == 0 || f.Column == 0 || len(f.Docs) != 1 {
			all = append(all, "incomplete")
		}
	}
	return strings.Join(all, " ")
}
