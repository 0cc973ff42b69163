package deploytest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// A dashboard is what a file of a dashboard says: that part of Grafana's schema of dashboards which ours use. Names,
// types and which fields must be there were compared with Grafana's own decoder, the strict one of its foundation SDK.
type dashboard struct {
	UID           string      `json:"uid"`
	Title         string      `json:"title"`
	Description   string      `json:"description"`
	Tags          []string    `json:"tags"`
	SchemaVersion int         `json:"schemaVersion"`
	Version       int         `json:"version"`
	Editable      bool        `json:"editable"`
	Refresh       string      `json:"refresh"`
	Time          timeRange   `json:"time"`
	Timezone      string      `json:"timezone"`
	GraphTooltip  int         `json:"graphTooltip"`
	Links         []boardLink `json:"links"`
	Annotations   struct {
		List []struct{} `json:"list"`
	} `json:"annotations"`
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type boardLink struct {
	Type        string   `json:"type"`
	Title       string   `json:"title"`
	Icon        string   `json:"icon"`
	Tooltip     string   `json:"tooltip"`
	Tags        []string `json:"tags"`
	AsDropdown  bool     `json:"asDropdown"`
	TargetBlank bool     `json:"targetBlank"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
}

type variable struct {
	Name       string     `json:"name"`
	Label      string     `json:"label"`
	Type       string     `json:"type"`
	Datasource datasource `json:"datasource"`
	Query      struct {
		Query string `json:"query"`
		RefID string `json:"refId"`
	} `json:"query"`
	Definition string `json:"definition"`
	Refresh    int    `json:"refresh"`
	Sort       int    `json:"sort"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// A panel of the type "row" has a title, a place and nothing else.
type panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	GridPos         place            `json:"gridPos"`
	Collapsed       *bool            `json:"collapsed,omitempty"`
	Panels          *[]struct{}      `json:"panels,omitempty"` // of a collapsed row
	Description     string           `json:"description,omitempty"`
	Datasource      *datasource      `json:"datasource,omitempty"`
	FieldConfig     *fieldConfig     `json:"fieldConfig,omitempty"`
	Targets         []target         `json:"targets,omitempty"`
	Options         json.RawMessage  `json:"options,omitempty"` // by type: see options
	Transformations []transformation `json:"transformations,omitempty"`
}

type place struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

type fieldConfig struct {
	Defaults struct {
		Unit       string   `json:"unit"`
		Min        *float64 `json:"min,omitempty"`
		Thresholds *struct {
			Mode  string `json:"mode"`
			Steps []struct {
				Value *float64 `json:"value"`
				Color string   `json:"color"`
			} `json:"steps"`
		} `json:"thresholds,omitempty"`
		Custom *struct {
			FillOpacity int    `json:"fillOpacity"`
			ShowPoints  string `json:"showPoints"`
			SpanNulls   bool   `json:"spanNulls"`
			Stacking    *struct {
				Mode string `json:"mode"`
			} `json:"stacking,omitempty"`
		} `json:"custom,omitempty"`
	} `json:"defaults"`
	Overrides []struct{} `json:"overrides"`
}

type target struct {
	RefID        string     `json:"refId"`
	Datasource   datasource `json:"datasource"`
	Expr         string     `json:"expr"`
	LegendFormat string     `json:"legendFormat"`
	Format       string     `json:"format,omitempty"`
	Instant      bool       `json:"instant,omitempty"`
}

type transformation struct {
	ID      string `json:"id"`
	Options struct {
		ExcludeByName map[string]bool `json:"excludeByName"`
	} `json:"options"`
}

// options returns what the options of a panel of this type are decoded to, nil where it has none.
func options(panelType string) any {
	switch panelType {
	case "stat":
		return new(struct {
			ReduceOptions struct {
				Calcs []string `json:"calcs"`
			} `json:"reduceOptions"`
			ColorMode              string `json:"colorMode"`
			GraphMode              string `json:"graphMode"`
			TextMode               string `json:"textMode"`
			Orientation            string `json:"orientation"`
			JustifyMode            string `json:"justifyMode"`
			WideLayout             bool   `json:"wideLayout"`
			ShowPercentChange      bool   `json:"showPercentChange"`
			PercentChangeColorMode string `json:"percentChangeColorMode"`
		})
	case "timeseries":
		return new(struct {
			Legend struct {
				DisplayMode string   `json:"displayMode"`
				Placement   string   `json:"placement"`
				ShowLegend  bool     `json:"showLegend"`
				Calcs       []string `json:"calcs"`
			} `json:"legend"`
			Tooltip struct {
				Mode string `json:"mode"`
				Sort string `json:"sort"`
			} `json:"tooltip"`
		})
	case "table":
		return new(struct {
			ShowHeader bool `json:"showHeader"`
			FrameIndex int  `json:"frameIndex"`
		})
	}
	return nil
}

// exactly decodes JSON, and reports every field that the type does not know or the JSON does not have.
func exactly(t *testing.T, where string, text []byte, to any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	again, err := json.Marshal(to)
	if err != nil {
		t.Fatal(err)
	}
	var read, meant any
	if json.Unmarshal(text, &read) != nil || json.Unmarshal(again, &meant) != nil || !reflect.DeepEqual(read, meant) {
		t.Errorf("%s: a field lacks, or is null. All of them are\n%s", where, again)
	}
}

// boards returns all dashboards by the names of their files.
func boards(t *testing.T) map[string]dashboard {
	t.Helper()
	paths, err := filepath.Glob(deploy + "grafana/dashboards/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	all := make(map[string]dashboard)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var b dashboard
		exactly(t, path, text, &b)
		all[filepath.Base(path)] = b
	}
	return all
}

// A query is an expression, and where it stands.
type query struct{ where, expr string }

// queries returns those of all dashboards.
func queries(t *testing.T) []query {
	t.Helper()
	var all []query
	for name, b := range boards(t) {
		for _, p := range b.Panels {
			for _, target := range p.Targets {
				all = append(all, query{name + ", " + p.Title, target.Expr})
			}
		}
	}
	return all
}

// TestDashboards has all fields as Grafana knows them, and every panel in a place and with a source of its own.
func TestDashboards(t *testing.T) {
	var provisioned struct {
		Datasources []struct{ UID, Type string }
	}
	readYAML(t, deploy+"grafana/provisioning/datasources/prometheus.yml", &provisioned)
	source := datasource{provisioned.Datasources[0].Type, provisioned.Datasources[0].UID}
	for name, b := range boards(t) {
		ids, taken := make(map[int]bool), make(map[[2]int]string)
		for _, p := range b.Panels {
			where := name + ", " + p.Title
			if ids[p.ID] {
				t.Errorf("%s: id %d is taken", where, p.ID)
			}
			ids[p.ID] = true
			placed(t, where, p.GridPos, taken)
			if p.Type == "row" {
				continue
			}
			to := options(p.Type)
			if to == nil || p.Datasource == nil || *p.Datasource != source || len(p.Targets) == 0 || p.FieldConfig == nil {
				t.Errorf("%s: of type %q, source %v, %d queries", where, p.Type, p.Datasource, len(p.Targets))
				continue
			}
			exactly(t, where, p.Options, to)
			for _, target := range p.Targets {
				if target.Datasource != source {
					t.Errorf("%s: asks %v", where, target.Datasource)
				}
			}
		}
	}
}

// placed reports a panel that lies outside of the 24 columns, or on another one.
func placed(t *testing.T, where string, p place, taken map[[2]int]string) {
	t.Helper()
	if p.X < 0 || p.W < 1 || p.X+p.W > 24 || p.H < 1 {
		t.Errorf("%s: its place is %+v", where, p)
	}
	for x := p.X; x < p.X+p.W; x++ {
		for y := p.Y; y < p.Y+p.H; y++ {
			if other, ok := taken[[2]int{x, y}]; ok {
				t.Fatalf("%s lies on %s", where, other)
			}
			taken[[2]int{x, y}] = where
		}
	}
}
