package rules

import "drydock/site"

// bond checks that a bond does not change its mind faster than it looks at its links.
func bond(d *site.Design, r *Report) {
	for _, l := range d.Links {
		b := &l.Bonding
		if b.Mode == site.BondDisabled {
			continue
		}
		for _, delay := range []struct {
			key string
			ms  site.Opt[int]
		}{{"up_delay", b.UpDelay}, {"down_delay", b.DownDelay}} {
			if delay.ms.Set && b.MonRate.Set && delay.ms.V < b.MonRate.V {
				r.Errorf(in(l.Ref, "bonding", delay.key), "make it as long as mon_rate or longer",
					"the %s of link %s is %d ms, shorter than its mon_rate of %d ms", delay.key, l.Name, delay.ms.V, b.MonRate.V)
			}
		}
	}
}
