package asset

import (
	"context"
	"fmt"
	"testing"

	"drydock"
	"drydock/site"
	"drydock/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const task drydock.TaskID = "568e150b-d0ac-4099-810d-46e6a11c77f3"

// text is data with a pipeline that makes text of it.
func text(kind, path, data string) site.Asset {
	return site.Asset{Type: kind, Path: site.Some(path), Data: site.Some(data), DataPipeline: []string{"utf8_decode", "template"}}
}

// bytesOf is data with any pipeline.
func bytesOf(path, data string, pipeline ...string) site.Asset {
	return site.Asset{Type: site.AssetFile, Path: site.Some(path), Data: site.Some(data), DataPipeline: pipeline}
}

// plain is a design of two nodes, w1 and w2, with the boot actions given, which are for both.
func plain(actions ...*site.BootAction) *site.Design {
	node := func(n string, last string) *site.BaremetalNode {
		return &site.BaremetalNode{
			Ref: site.Ref{Schema: "drydock/BaremetalNode/v1", Name: n},
			Host: site.Host{
				PrimaryNetwork: site.Some("oam"), Tags: []string{"worker", "west"},
				OwnerData:  site.Attrs{{Key: "zone", Value: "a b"}, {Key: "role", Value: "worker"}, {Key: "empty", Null: true}},
				Interfaces: []site.Interface{{Name: "bond0", SRIOV: &site.SRIOV{VFs: 4, Trusted: true}}, {Name: "eth9"}},
			},
			Addressing: []site.Address{
				{Network: "pxe"},
				{Network: "oam", IP: site.Some("192.0.2." + last)},
				{Network: "ghost", IP: site.Some("198.51.100.1")},
				{Network: "data", IP: site.Some("203.0.113." + last)},
			},
		}
	}
	for _, a := range actions {
		a.Targets = []string{"w1", "w2"}
	}
	return &site.Design{
		Networks: []*site.Network{
			{Ref: site.Ref{Name: "oam"}, CIDR: "192.0.2.0/24", DNSDomain: "oam.example.org"},
			{Ref: site.Ref{Name: "pxe"}, CIDR: "198.51.100.0/24"},
			{Ref: site.Ref{Name: "data"}, CIDR: "203.0.113.0/24", DNSDomain: "local"},
		},
		Nodes: []*site.BaremetalNode{node("w1", "11"), node("w2", "12")}, BootActions: actions,
	}
}

func action(name string, assets ...site.Asset) *site.BootAction {
	return &site.BootAction{Ref: site.Ref{Schema: "drydock/BootAction/v1", Name: name}, Assets: assets, Signaling: true}
}

// key is 32 bytes.
func key() []byte {
	k := make([]byte, 32)
	for i := range k {
		k[i] = byte(0xa0 + i)
	}
	return k
}

// given are the rows of all boot actions of a design.
func given(d *site.Design) []drydock.BootAction {
	var list []drydock.BootAction
	for i, a := range d.BootActions {
		list = append(list, drydock.BootAction{ID: fmt.Sprintf("01ARZ3NDEKTSV4RRFFQ69G5F%02d", i), Name: a.Name, Key: key()})
	}
	return list
}

// locations answers references from a map and notes what it was asked.
type locations struct {
	bodies map[string]string
	asked  []string
	err    error
}

func (l *locations) Resolve(_ context.Context, ref string) ([]byte, error) {
	l.asked = append(l.asked, ref)
	if l.err != nil {
		return nil, l.err
	}
	return []byte(l.bodies[ref]), nil
}

func request(d *site.Design, node string) Request {
	return Request{Design: d, Node: node, Actions: given(d), Key: key(), DesignRef: "deckhand+https://host/revisions/7?a=b&c"}
}
