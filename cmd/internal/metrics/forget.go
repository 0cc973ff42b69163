package metrics

import "p2pchain/core/forget"

// forgetTable counts the payloads that the node does not have any more.
func forgetTable(s *Sources) table {
	return part[forget.Status]{"Forgetting", func() (forget.Status, bool) { return s.Forgetting(), true }, []family[forget.Status]{
		one("p2pchain_forget_erased_messages", gauge, "Messages whose payloads were erased here, by their authors or by the operator.",
			func(v forget.Status) float64 { return float64(v.Erased) }),
		one("p2pchain_forget_due_messages", gauge, "Erased messages whose payloads are not shown, but are not gone from all files yet: their blocks are not settled, or files are to be written anew.",
			func(v forget.Status) float64 { return float64(v.Due) }),
		one("p2pchain_forget_pruned_payloads", gauge, "Payloads that were dropped since their blocks were old.",
			func(v forget.Status) float64 { return float64(v.Pruned.Bodies) }),
		one("p2pchain_forget_pruned_height_blocks", gauge, "Height of the last block whose payloads were dropped since it was old; 0 for none.",
			func(v forget.Status) float64 { return float64(v.Pruned.Height) }),
		one("p2pchain_forget_pruning_refused", gauge, "Whether old payloads are kept only because no connected peer has all of them: 1 or 0.",
			func(v forget.Status) float64 { return yes(v.Pruning == forget.PruningRefused) }),
		one("p2pchain_forget_missing_payloads", gauge, "Payloads that are missing although nobody erased or dropped them here; peers are asked for them.",
			func(v forget.Status) float64 { return float64(v.Gaps) }),
		one("p2pchain_forget_lowest_full_height_blocks", gauge, "The first height from which on no payload is missing, but for erased ones. An archive has 0.",
			func(v forget.Status) float64 { return float64(v.LowestFull) }),
	}}
}
