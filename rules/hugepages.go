package rules

import "drydock/site"

// hugepages checks that the kernel gets the size of huge pages and their number, or neither.
func hugepages(d *site.Design, r *Report) {
	complete(d, func(n *site.BaremetalNode) {
		if n.KernelParams.Has("hugepages") != n.KernelParams.Has("hugepagesz") {
			r.Errorf(in(n.Ref, "platform", "kernel_params"), "give hugepages and hugepagesz together",
				"the kernel parameters of node %s have one of hugepages and hugepagesz without the other", n.Name)
		}
	})
}
