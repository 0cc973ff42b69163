package deploytest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const deploy = "../../../deploy/"

// An alert is one rule of alerts.yml.
type alert struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

// alerts reads deploy/prometheus/alerts.yml.
func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alert }
	}
	readYAML(t, deploy+"prometheus/alerts.yml", &file)
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 10 {
		t.Fatalf("only %d alerts", len(all))
	}
	return all
}

func readYAML(t *testing.T, path string, to any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// A ruleTests is alerts_test.yml.
type ruleTests struct {
	Tests []struct {
		Name   string
		Series []struct{ Series string } `yaml:"input_series"`
		Alerts []struct {
			Name string           `yaml:"alertname"`
			Want []map[string]any `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

// words are those of the query language that rules and dashboards use, and what Prometheus adds itself.
func words() []string {
	return []string{"up", "ALERTS", "by", "on", "ignoring", "group_left", "unless", "or", "sum", "max", "min", "count", "abs", "rate", "increase",
		"changes", "predict_linear", "histogram_quantile", "topk", "time", "vector"}
}

// wrong says what in an expression no node exports, "" if nothing.
func (e exported) wrong(expr string) string {
	grouping := regexp.MustCompile(`\b(by|on|ignoring|group_left)\s*\(([^)]*)\)`)
	selector := regexp.MustCompile(`\b([a-zA-Z_]\w*)\s*(?:\{([^}]*)\})?`)
	var groups []string
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		groups = append(groups, strings.Split(strings.ReplaceAll(g[2], " ", ""), ",")...)
	}
	known := map[string]bool{"instance": true, "job": true}
	rest := regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(grouping.ReplaceAllString(expr, "$1"), "")
	for _, s := range selector.FindAllStringSubmatch(rest, -1) {
		labels, isMetric := e[s[1]]
		if !isMetric {
			if !slices.Contains(words(), s[1]) {
				return fmt.Sprintf("no node exports %s", s[1])
			}
			continue
		}
		for label := range labels {
			known[label] = true
		}
		for _, m := range matchers().FindAllStringSubmatch(s[2], -1) {
			if m[1] == "instance" || m[1] == "job" {
				continue
			}
			values := slices.Collect(maps.Keys(labels[m[1]]))
			pattern := m[3]
			if !strings.HasSuffix(m[2], "~") {
				pattern = regexp.QuoteMeta(pattern)
			}
			of, err := regexp.Compile("^(?:" + pattern + ")$")
			if err != nil || !slices.ContainsFunc(values, of.MatchString) {
				slices.Sort(values)
				return fmt.Sprintf("%s has no %s like %q, only %q", s[1], m[1], m[3], values)
			}
		}
	}
	for _, label := range groups {
		if !known[label] {
			return fmt.Sprintf("no metric of it has the label %s", label)
		}
	}
	return ""
}

// missing says what of a series in a test of rules no node would export, "" if nothing.
func (e exported) missing(text string) string {
	s := series().FindStringSubmatch(text)
	if s == nil {
		return "this is no series"
	}
	if s[1] == "up" {
		return ""
	}
	has := map[string]bool{"instance": true, "job": true}
	for _, m := range matchers().FindAllStringSubmatch(s[2], -1) {
		has[m[1]] = true
	}
	for label := range e[s[1]] {
		if !has[label] {
			return "it lacks the label " + label
		}
	}
	// What networks and programs are called is not for the code to say.
	free := regexp.MustCompile(`(network|network_id|version)="[^"]*",?`)
	return e.wrong(s[1] + "{" + free.ReplaceAllString(s[2], "") + "}")
}

// TestExpressions has every name, label and value that alerts, their tests and dashboards speak of
// among what a real node exports.
func TestExpressions(t *testing.T) {
	e := fromNodes(t)
	all := queries(t)
	for _, a := range alerts(t) {
		all = append(all, query{a.Alert, a.Expr})
	}
	for _, q := range all {
		if w := e.wrong(q.expr); w != "" {
			t.Errorf("%s: %s\n%s", q.where, w, q.expr)
		}
	}
	var tests ruleTests
	readYAML(t, deploy+"prometheus/alerts_test.yml", &tests)
	for _, test := range tests.Tests {
		for _, s := range test.Series {
			if w := e.missing(s.Series); w != "" {
				t.Errorf("test %s: %s: %s", test.Name, s.Series, w)
			}
		}
	}
}

// TestWrong finds what no node exports.
func TestWrong(t *testing.T) {
	e := make(exported)
	e.add("p2pchain_sync_state", `state="alone"`)
	e.add("p2pchain_p2p_peers", `direction="inbound"`)
	for expr, want := range map[string]string{
		`p2pchain_sync_state{state="alone"} == 1`:                            "",
		`sum by (instance, direction) (rate(p2pchain_p2p_peers[5m])) > 1e3`:  "",
		`p2pchain_sync_state{state!="alone",job="x"} unless up{job="y"}`:     "",
		`p2pchain_sync_stat == 1`:                                            "no node exports p2pchain_sync_stat",
		`p2pchain_sync_state{state="alon"}`:                                  `p2pchain_sync_state has no state like "alon", only ["alone"]`,
		`p2pchain_sync_state{stat=~"alone|x"}`:                               `p2pchain_sync_state has no stat like "alone|x", only []`,
		`sum by (instance, state) (p2pchain_p2p_peers{direction="inbound"})`: "no metric of it has the label state",
		`summ(p2pchain_p2p_peers)`:                                           "no node exports summ",
	} {
		if got := e.wrong(expr); got != want {
			t.Errorf("wrong(%s) = %q, want %q", expr, got, want)
		}
	}
}

// TestAlertsAreTested has each alert fire in one test, and keep quiet in that of a node that is well.
func TestAlertsAreTested(t *testing.T) {
	var tests ruleTests
	readYAML(t, deploy+"prometheus/alerts_test.yml", &tests)
	fires, quiet := make(map[string]bool), make(map[string]bool)
	for _, test := range tests.Tests {
		for _, a := range test.Alerts {
			fires[a.Name] = fires[a.Name] || len(a.Want) > 0
			quiet[a.Name] = quiet[a.Name] || test.Name == "a node that is well"
		}
	}
	for _, a := range alerts(t) {
		if !fires[a.Alert] || !quiet[a.Alert] {
			t.Errorf("%s: fires in a test: %t, is quiet on a node that is well: %t", a.Alert, fires[a.Alert], quiet[a.Alert])
		}
	}
}

// TestAlertsFire lets Prometheus' own tool judge the rules and run their tests.
func TestAlertsFire(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool (Debian: prometheus)")
	}
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir = deploy + "prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestAlertsAreExplained has a row for each alert on the page, and for no other.
func TestAlertsAreExplained(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z]\\w+)` \\| .+ \\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		explained = append(explained, m[1])
	}
	var named []string
	for _, a := range alerts(t) {
		named = append(named, a.Alert)
		if a.Annotations["summary"] == "" || !slices.Contains([]string{"critical", "warning"}, a.Labels["severity"]) {
			t.Errorf("%s has no summary, or the severity %q", a.Alert, a.Labels["severity"])
		}
	}
	if !slices.Equal(explained, named) {
		t.Errorf("explained, in this order:\n%v\nthere are:\n%v", explained, named)
	}
}
