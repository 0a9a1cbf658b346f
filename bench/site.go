package bench

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"

	"drydock"
)

// MaxNodes is the largest site that WriteSite makes: what a design may hold at most.
const MaxNodes = 40_000

// The shape of a made-up site: racks of nodes, and pods of racks that share their networks.
const (
	nodesPerRack = 32
	racksPerPod  = 16
	nodesPerPod  = nodesPerRack * racksPerPod
)

// siteWriter writes documents until something goes wrong.
type siteWriter struct {
	w      *bufio.Writer
	random *rand.Rand
	id     int
}

// WriteSite writes the design of a made-up site with that many nodes, as Deckhand renders designs: a region, racks, pods of racks with links and
// networks of their own, hardware profiles, host profiles that inherit over three levels, boot actions and nodes. Nothing is wrong with it. The same
// nodes and seed make the same bytes. ErrInvalid: less than one node, or more than MaxNodes.
func WriteSite(w io.Writer, nodes int, seed uint64) error {
	if nodes < 1 || nodes > MaxNodes {
		return fmt.Errorf("%w: a site of %d nodes, use 1 to %d", drydock.ErrInvalid, nodes, MaxNodes)
	}
	s := &siteWriter{w: bufio.NewWriter(w), random: rand.New(rand.NewPCG(seed, uint64(nodes)))}
	pods := (nodes + nodesPerPod - 1) / nodesPerPod
	s.region()
	for r := range (nodes + nodesPerRack - 1) / nodesPerRack {
		s.rack(r)
	}
	for p := range pods {
		s.pod(p)
	}
	for i := range hardware {
		s.hardwareProfile(i)
	}
	s.hostProfiles(pods)
	s.bootActions()
	for i := range nodes {
		s.node(i)
	}
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("write the design: %w", err)
	}
	return nil
}

// document writes one document as Deckhand renders it: keys in order, and what it says about itself. The first write that fails is reported at the end.
func (s *siteWriter) document(kind, name, data string, args ...any) {
	s.id++
	fmt.Fprintf(s.w, "---\ndata:\n"+data, args...)
	fmt.Fprintf(s.w, "id: %d\nmetadata:\n  layeringDefinition:\n    abstract: false\n    layer: site\n  name: %s\n  replacement: false\n"+
		"  schema: metadata/Document/v1\n  storagePolicy: cleartext\nschema: drydock/%s/v1\nstatus:\n  bucket: harbour\n  revision: 1\n", s.id, name, kind)
}

func (s *siteWriter) region() {
	s.document("Region", "harbour", `  authorized_keys:
  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI%032x operator@harbour.example
  repositories:
    remove_unlisted: true
    ubuntu:
      arches:
      - amd64
      components:
      - main
      - universe
      distributions:
      - jammy
      - jammy-updates
      repo_type: apt
      subrepos:
      - updates
      - security
      url: http://mirror.harbour.example/ubuntu
  tag_definitions:
  - definition: //node[@id="memory"]/size[. > 256000000000]
    definition_type: lshw_xpath
    tag: large_memory
`, s.random.Uint64())
}

func (s *siteWriter) rack(r int) {
	s.document("Rack", rackName(r), `  labels:
    power: %s
  local_networks:
  - pxe-%[2]d
  location:
    clli: HRBRXXEX
    grid: %[3]c%[4]d
  tor_switches:
    sw-%[5]d-1:
      mgmt_ip: 10.%[2]d.19.%[6]d
      sdn_api_uri: https://sw-%[5]d-1.harbour.example/api
    sw-%[5]d-2:
      mgmt_ip: 10.%[2]d.19.%[7]d
      sdn_api_uri: https://sw-%[5]d-2.harbour.example/api
`, []string{"a", "b"}[s.random.IntN(2)], r/racksPerPod, 'A'+rune(r%26), r/26, r, 1+2*(r%racksPerPod), 2+2*(r%racksPerPod))
}

func rackName(r int) string { return fmt.Sprintf("rack-%03d", r) }

// networks are those of a pod. Each has a /22 of its own, the pod's number in the second byte.
var networks = []struct {
	name, link string
	mtu        int
	vlan       bool
}{
	{"oob", "oob", 1500, false}, {"pxe", "pxe", 1500, false}, {"mgmt", "data", 9000, false}, {"storage", "data", 9000, true}, {"calico", "data", 9000, true},
}

func (s *siteWriter) pod(p int) {
	for _, link := range []struct{ name, speed string }{{"oob", "100full"}, {"pxe", "auto"}} {
		s.document("NetworkLink", fmt.Sprintf("%s-%d", link.name, p), `  allowed_networks:
  - %[1]s-%[2]d
  bonding:
    mode: disabled
  linkspeed: %[3]s
  mtu: 1500
  trunking:
    default_network: %[1]s-%[2]d
    mode: disabled
`, link.name, p, link.speed)
	}
	s.document("NetworkLink", fmt.Sprintf("data-%d", p), `  allowed_networks:
  - mgmt-%[1]d
  - storage-%[1]d
  - calico-%[1]d
  bonding:
    down_delay: 3000
    hash: layer3+4
    mode: 802.3ad
    mon_rate: 100
    peer_rate: fast
    up_delay: 1000
  linkspeed: auto
  mtu: 9000
  trunking:
    default_network: mgmt-%[1]d
    mode: 802.1q
`, p)
	for i, n := range networks {
		vlan, domain := "", ""
		if n.vlan {
			vlan = fmt.Sprintf("  vlan: '%d'\n", 100+10*i+s.random.IntN(10))
		}
		if n.name == "calico" {
			domain = "  routedomain: calico\n"
		}
		const at = 4 // third bytes of a /22
		s.document("Network", fmt.Sprintf("%s-%d", n.name, p), `  cidr: 10.%[1]d.%[2]d.0/22
  dns:
    domain: %[3]s.pod%[1]d.harbour.example
    servers: 10.255.0.1,10.255.0.2
  labels:
    pod: pod-%[1]d
  mtu: %[4]d
  ranges:
  - end: 10.%[1]d.%[2]d.15
    start: 10.%[1]d.%[2]d.1
    type: reserved
  - end: 10.%[1]d.%[5]d.255
    start: 10.%[1]d.%[2]d.16
    type: static
  - end: 10.%[1]d.%[6]d.250
    start: 10.%[1]d.%[6]d.1
    type: dhcp
%[7]s  routes:
  - gateway: 10.%[1]d.%[2]d.1
    metric: %[8]d
    subnet: 0.0.0.0/0
%[9]s`, p, at*i, n.name, n.mtu, at*i+2, at*i+3, domain, 10*(i+1), vlan)
	}
}
