package deploytest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// ask sends a question to the Prometheus of docker-compose.yml.
func ask(ctx context.Context, path string, query url.Values, answer any) error {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:9090/api/v1/"+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(rq)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	var envelope struct {
		Error string
		Data  json.RawMessage
	}
	if err := json.NewDecoder(reply.Body).Decode(&envelope); err != nil {
		return err
	}
	if envelope.Error != "" {
		return fmt.Errorf("prometheus: %s", envelope.Error)
	}
	return json.Unmarshal(envelope.Data, answer)
}

// results says how many series a query has now.
func results(ctx context.Context, expr string) (int, error) {
	var answer struct{ Result []any }
	err := ask(ctx, "query", url.Values{"query": {expr}}, &answer)
	return len(answer.Result), err
}

// monitored reports whether Prometheus runs beside the nodes.
func monitored() bool { return strings.Contains(os.Getenv("P2PCHAIN_CONTAINER"), "prometheus") }

// scraped has Prometheus ask all nodes, take all alerts, and answer each query of the dashboards.
func scraped(t *testing.T) {
	if !monitored() {
		t.Skip("Prometheus does not run")
	}
	until(t, "all nodes were asked", func(ctx context.Context) error {
		n, err := results(ctx, `up{job="p2pchain"} == 1`)
		if err == nil && n != 3 {
			err = fmt.Errorf("%d of 3", n)
		}
		return err
	})
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	until(t, "all alerts were judged", func(ctx context.Context) error {
		if err := ask(ctx, "rules", nil, &rules); err != nil {
			return err
		}
		if n := len(rules.Groups[0].Rules); n != len(alerts(t)) {
			t.Fatalf("%d rules, want %d", n, len(alerts(t)))
		}
		for _, r := range rules.Groups[0].Rules {
			if r.Health != "ok" {
				return fmt.Errorf("%s: %s %s", r.Name, r.Health, r.LastError)
			}
		}
		return nil
	})
	variables := strings.NewReplacer("$instance", "node1:12345", "$__rate_interval", "1m")
	for _, q := range queries(t) {
		until(t, q.where, func(ctx context.Context) error {
			n, err := results(ctx, variables.Replace(q.expr))
			if err == nil && n == 0 {
				err = fmt.Errorf("nothing is shown for %s", q.expr)
			}
			return err
		})
	}
}

// alerted waits until Prometheus is about to say, or says, that a node is down.
func alerted(t *testing.T, service string) {
	t.Helper()
	if !monitored() {
		return
	}
	until(t, "NodeDown for "+service, func(ctx context.Context) error {
		n, err := results(ctx, fmt.Sprintf(`ALERTS{alertname="NodeDown", instance="%s:12345"}`, service))
		if err == nil && n != 1 {
			err = fmt.Errorf("%d alerts", n)
		}
		return err
	})
}
