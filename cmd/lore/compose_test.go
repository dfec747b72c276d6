package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/lore-kb/lore/internal/config"
)

// loadCompose reads docker-compose.yml as docker compose would.
func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join("..", "..", "docker-compose.yml")},
		cli.WithEnv([]string{"LORE_TOKEN=secret"}), cli.WithProfiles([]string{"ollama"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestCompose(t *testing.T) {
	project := loadCompose(t)
	qdrant, lore, ollama := project.Services["qdrant"], project.Services["lore"], project.Services["ollama"]

	for _, service := range []types.ServiceConfig{qdrant, ollama} {
		if _, tag, ok := strings.Cut(service.Image, ":"); !ok || tag == "latest" {
			t.Errorf("image %q is not pinned", service.Image)
		}
	}
	for name, service := range project.Services {
		if service.HealthCheck == nil || len(service.HealthCheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes port %s beyond loopback", name, port.Published)
			}
		}
	}
	if lore.Build == nil || lore.Build.Dockerfile != "Dockerfile" {
		t.Error("lore is not built from the Dockerfile")
	}
	if !lore.ReadOnly || len(lore.CapDrop) == 0 {
		t.Error("lore's container is not locked down")
	}
	if lore.DependsOn["qdrant"].Condition != types.ServiceConditionHealthy {
		t.Error("lore does not wait for Qdrant")
	}
	documents := false
	for _, volume := range lore.Volumes {
		documents = documents || volume.Target == "/documents" && volume.ReadOnly
	}
	if !documents {
		t.Error("documents are not mounted read-only")
	}
	if len(qdrant.Volumes) == 0 {
		t.Error("Qdrant keeps its data in the container")
	}

	known := map[string]bool{}
	for _, setting := range config.Settings {
		known[setting.Env] = true
	}
	for name := range lore.Environment {
		if !known[name] {
			t.Errorf("lore does not read %s", name)
		}
	}
	address := *lore.Environment["LORE_STORE"]
	if address != "qdrant://qdrant:6334" {
		t.Errorf("LORE_STORE is %q", address)
	}
}

// TestDockerfile checks what can be checked without an engine: that the image
// runs as somebody else than root, statically, and that its command exists.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CGO_ENABLED=0", "\nUSER 65532", `CMD ["serve"`, "\nFROM gcr.io/distroless/static"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("Dockerfile lacks %q", want)
		}
	}
}
