package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"go.yaml.in/yaml/v3"
)

// servedMetrics are the metrics that docs/OPERATIONS.md names, which another test holds
// against the running server.
func servedMetrics(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, found := range regexp.MustCompile("`(lore_[a-z_]+)`").FindAllStringSubmatch(string(text), -1) {
		out[found[1]] = true
	}
	return out
}

// TestBoard reads the Grafana board and the alerts, and looks for every metric
// that they use.
func TestBoard(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/grafana/lore.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil || board.Title == "" || len(board.Panels) < 8 {
		t.Fatal(err)
	}
	alerts, err := os.ReadFile("../../deploy/grafana/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(alerts, &rules); err != nil || len(rules.Groups) == 0 {
		t.Fatal(err)
	}
	var expressions []string
	seen := map[int]bool{}
	for _, p := range board.Panels {
		if seen[p.ID] || p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("panel %+v", p)
		}
		seen[p.ID] = true
		for _, target := range p.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	for _, r := range rules.Groups[0].Rules {
		expressions = append(expressions, r.Expr)
	}
	known := servedMetrics(t)
	for _, e := range expressions {
		if strings.Count(e, "(") != strings.Count(e, ")") || strings.Count(e, "{") != strings.Count(e, "}") {
			t.Errorf("unbalanced: %s", e)
		}
		for _, name := range regexp.MustCompile(`\blore_[a-z_]+`).FindAllString(e, -1) {
			if !known[name] && !known[strings.TrimSuffix(strings.TrimSuffix(name, "_count"), "_bucket")] {
				t.Errorf("%s is no metric: %s", name, e)
			}
		}
	}
}

// TestKubernetes reads the example and holds its flags and variables against the
// program.
func TestKubernetes(t *testing.T) {
	file, err := os.Open("../../deploy/kubernetes/lore.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	kinds := map[string]bool{}
	for decoder := yaml.NewDecoder(file); ; {
		var object struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
			Spec     struct {
				Replicas int
				Template struct {
					Spec struct {
						Containers []struct {
							Args     []string
							Env      []struct{ Name string }
							Security struct {
								ReadOnly bool `yaml:"readOnlyRootFilesystem"`
							} `yaml:"securityContext"`
						}
					}
				}
			}
		}
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		kinds[object.Kind] = true
		if object.Metadata.Name != "lore" || object.Metadata.Namespace != "lore" {
			t.Errorf("%s: %+v", object.Kind, object.Metadata)
		}
		for _, c := range object.Spec.Template.Spec.Containers {
			if !c.Security.ReadOnly || object.Spec.Replicas != 1 {
				t.Error("the container can be written to, or there are several")
			}
			p := &program{}
			serve, rest, err := p.rootCommand().Find(c.Args)
			if err != nil || serve.Name() != "serve" || serve.ParseFlags(rest) != nil {
				t.Errorf("args %v: %v", c.Args, err)
			}
		}
	}
	for _, kind := range []string{"Service", "StatefulSet", "NetworkPolicy", "ServiceAccount"} {
		if !kinds[kind] {
			t.Errorf("no %s", kind)
		}
	}
}

func TestComposeSingle(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"../../deploy/compose.single.yaml"}, cli.WithEnv([]string{"LORE_TOKEN=secret"}), cli.WithWorkingDirectory("../.."))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lore := project.Services["lore"]
	if !lore.ReadOnly || len(lore.CapDrop) == 0 || lore.HealthCheck == nil || len(lore.Ports) != 1 || lore.Ports[0].HostIP != "127.0.0.1" {
		t.Errorf("%+v", lore)
	}
	p := &program{}
	serve, rest, err := p.rootCommand().Find(lore.Command)
	if err != nil || serve.Name() != "serve" || serve.ParseFlags(rest) != nil {
		t.Errorf("command %v: %v", lore.Command, err)
	}
}
