package metrics

import (
	"time"

	"p2pchain/bootstrap"
	"p2pchain/p2p"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/syncer"
)

// A peersView is the node among its peers.
type peersView struct {
	peers       []p2p.Peer
	introducers int
	relays      int
	skew        time.Duration
	skewKnown   bool
}

func peersTable(s *Sources) table {
	view := func() (peersView, bool) {
		v := peersView{peers: s.Peers(), introducers: len(s.Introducers()), relays: s.Relays()}
		v.skew, v.skewKnown = s.ClockSkew()
		return v, true
	}
	return part[peersView]{"Peers", view, []family[peersView]{
		{"p2pchain_p2p_peers", gauge, "Peers past hello, by who called whom. Introducers are not among them.", []string{"direction"},
			func(v peersView, out *series) {
				inbound := 0
				for _, p := range v.peers {
					if p.Direction == p2p.Inbound {
						inbound++
					}
				}
				out.value(float64(inbound), "inbound")
				out.value(float64(len(v.peers)-inbound), "outbound")
			}},
		one("p2pchain_p2p_introducers", gauge, "Connected nodes that only introduce others.",
			func(v peersView) float64 { return float64(v.introducers) }),
		one("p2pchain_p2p_relays", gauge, "Peers that relay for others.",
			func(v peersView) float64 { return float64(v.relays) }),
		{"p2pchain_p2p_clock_ahead_seconds", gauge, "Our clock minus the median of our peers' clocks. Absent with fewer than three peers. Beyond 60 s either way, mining pauses.", nil,
			func(v peersView, out *series) {
				if v.skewKnown {
					out.value(v.skew.Seconds())
				}
			}},
		{"p2pchain_p2p_latency_seconds", gauge, "How long peers took to answer the last hello: the quickest and the slowest of them. Absent without peers.", []string{"peer"}, latencies},
	}}
}

// latencies shows the extremes: one series a peer would grow with the peers.
func latencies(v peersView, out *series) {
	var least, most time.Duration
	for _, p := range v.peers {
		if p.Latency > 0 && (least == 0 || p.Latency < least) {
			least = p.Latency
		}
		most = max(most, p.Latency)
	}
	if most > 0 {
		out.value(least.Seconds(), "quickest")
		out.value(most.Seconds(), "slowest")
	}
}

func watchdogTable(s *Sources) table {
	view := func() (p2p.Watchdogs, bool) { return s.Watchdogs(), true }
	return part[p2p.Watchdogs]{"Watchdogs", view, []family[p2p.Watchdogs]{
		{"p2pchain_p2p_watchdog_events_total", counter, "What the watchdogs saw: peers let go since they took no part in gossip (lost), times without any peer for a while (alone), times that peers claimed more work and none came (behind).", []string{"event"},
			func(v p2p.Watchdogs, out *series) {
				out.value(float64(v.Lost), "lost")
				out.value(float64(v.Alone), "alone")
				out.value(float64(v.Behind), "behind")
			}},
	}}
}

func searchTable(s *Sources) table {
	view := func() (bootstrap.Status, bool) { return s.Bootstrap(), true }
	return part[bootstrap.Status]{"Finding peers", view, []family[bootstrap.Status]{
		one("p2pchain_bootstrap_wanted_peers", gauge, "With fewer peers than this the node looks for more.",
			func(v bootstrap.Status) float64 { return float64(v.Wanted) }),
		one("p2pchain_bootstrap_known_peers", gauge, "Peers that could be dialled, connected ones included.",
			func(v bootstrap.Status) float64 { return float64(v.Known) }),
		{"p2pchain_bootstrap_seeds", gauge, "Addresses that the node was told to join, by whether one of their nodes is connected.", []string{"state"},
			func(v bootstrap.Status, out *series) {
				connected := 0
				for _, seed := range v.Seeds {
					if seed.Connected {
						connected++
					}
				}
				out.value(float64(connected), "connected")
				out.value(float64(len(v.Seeds)-connected), "unreachable")
			}},
		one("p2pchain_bootstrap_mdns_heard_total", counter, "Announcements of other nodes on the local network, repeated ones too.",
			func(v bootstrap.Status) float64 { return float64(v.MDNS.Heard) }),
		{"p2pchain_bootstrap_dht_peers", gauge, "Nodes in the table of the DHT. Absent where that is off.", nil,
			func(v bootstrap.Status, out *series) {
				if v.DHT.Enabled {
					out.value(float64(v.DHT.Peers))
				}
			}},
	}}
}

func gossipTable(s *Sources) table {
	view := func() (gossip.Stats, bool) { return s.Gossip(), true }
	plain := func(name, help string, read func(gossip.Stats) uint64) family[gossip.Stats] {
		return one(name, counter, help, func(v gossip.Stats) float64 { return float64(read(v)) })
	}
	return part[gossip.Stats]{"Gossip and reconciliation", view, []family[gossip.Stats]{
		{"p2pchain_gossip_messages_total", counter, "Bundles of messages and announcements of blocks, by what became of them.", []string{"topic", "verdict"},
			func(v gossip.Stats, out *series) {
				verdicts(out, "messages", v.Messages)
				verdicts(out, "blocks", v.Blocks)
			}},
		{"p2pchain_gossip_drops_total", counter, "What was lost here without a verdict, by reason. Lost ones come again by reconciliation or sync.", []string{"reason"}, drops},
		plain("p2pchain_gossip_taken_messages_total", "New messages that came in bundles.", func(v gossip.Stats) uint64 { return v.Taken }),
		one("p2pchain_gossip_mesh_peers", gauge, "Peers to which both topics are forwarded in full.",
			func(v gossip.Stats) float64 { return float64(v.Mesh) }),
		one("p2pchain_gossip_held_headers", gauge, "Headers that are kept until their time has come.",
			func(v gossip.Stats) float64 { return float64(v.Held) }),
		{"p2pchain_gossip_rebuilds_total", counter, "Blocks that were announced by short ids: made of known messages (rebuilt), or left to be fetched whole.", []string{"outcome"},
			func(v gossip.Stats, out *series) {
				out.value(float64(v.Rebuilds.Rebuilt), "rebuilt")
				out.value(float64(v.Rebuilds.Left), "left")
			}},
		plain("p2pchain_gossip_rebuild_asked_messages_total", "Messages that such blocks lacked here, and that were asked for.", func(v gossip.Stats) uint64 { return v.Rebuilds.Asked }),
		plain("p2pchain_gossip_rebuild_leaf_lists_total", "Lists of leaves that were fetched where short ids were not enough.", func(v gossip.Stats) uint64 { return v.Rebuilds.LeafLists }),
		plain("p2pchain_reconcile_rounds_total", "Comparisons of all that waits with single peers.", func(v gossip.Stats) uint64 { return v.Rounds }),
		plain("p2pchain_reconcile_fetched_messages_total", "Messages that gossip lost and such a comparison brought.", func(v gossip.Stats) uint64 { return v.Reconciled }),
		plain("p2pchain_reconcile_given_messages_total", "Messages that single peers lacked and took.", func(v gossip.Stats) uint64 { return v.Given }),
	}}
}

func verdicts(out *series, topic string, c gossip.Counts) {
	out.value(float64(c.Published), topic, "published")
	out.value(float64(c.Accepted), topic, "accepted")
	out.value(float64(c.Ignored), topic, "ignored")
	out.value(float64(c.Rejected), topic, "rejected")
	out.value(float64(c.Duplicates), topic, "duplicate")
}

// dropReasons maps the reasons of package gossip, and of pubsub below it, to labels. All of them are
// always shown; what else there may come to be is one more: other.
func dropReasons() map[string]string {
	return map[string]string{
		"outbound queue full":               "outbound_queue_full",
		"outbound queue full (control)":     "control_queue_full",
		"peer sends too much that is known": "peer_sends_known",
		"subscriber too slow":               "subscriber_slow",
		"peer throttled":                    "peer_throttled",
		"validation queue full":             "validation_queue_full",
		"validation throttled":              "validation_throttled",
	}
}

func drops(v gossip.Stats, out *series) {
	reasons := dropReasons()
	var other uint64
	for reason, n := range v.Drops {
		if _, known := reasons[reason]; !known {
			other += n
		}
	}
	for reason, label := range reasons {
		out.value(float64(v.Drops[reason]), label)
	}
	out.value(float64(other), "other")
}

func syncTable(s *Sources) table {
	view := func() (syncer.Status, bool) { return s.Sync(), true }
	number := func(name, help string, read func(syncer.Status) float64) family[syncer.Status] {
		return one(name, gauge, help, read)
	}
	return part[syncer.Status]{"Sync", view, []family[syncer.Status]{
		{"p2pchain_sync_state", gauge, "1 for what the node does: it has no peers (alone), fetches headers, fetches blocks, or has all that its peers have (synced).", []string{"state"},
			func(v syncer.Status, out *series) {
				for _, state := range []syncer.State{syncer.Alone, syncer.Headers, syncer.Fetching, syncer.Synced} {
					out.value(yes(v.State == state), string(state))
				}
			}},
		number("p2pchain_sync_target_height_blocks", "The highest block that a peer with more work claims, unproven.",
			func(v syncer.Status) float64 { return float64(v.Target) }),
		number("p2pchain_sync_walked_height_blocks", "How far a first pass over headers came; 0 where none is under way.",
			func(v syncer.Status) float64 { return float64(v.Walked) }),
		number("p2pchain_sync_blocks_per_second", "Blocks that were fetched and connected, over the last ten seconds or so.",
			func(v syncer.Status) float64 { return v.Rate }),
		number("p2pchain_sync_messages_per_second", "Messages in them.",
			func(v syncer.Status) float64 { return v.MessageRate }),
		number("p2pchain_sync_bytes_per_second", "Bytes in them.",
			func(v syncer.Status) float64 { return v.ByteRate }),
	}}
}
