package extract

import (
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
)

// TestLanguages reads a small file of each usual language: the block that holds
// the word "total" of a comment or docstring is the definition it belongs to, and
// its section leads there.
func TestLanguages(t *testing.T) {
	for _, c := range []struct{ name, source, section string }{
		{"a.go", "package a\n\n// Add sums up a total.\nfunc (l *List) Add(n int) int {\n\treturn n\n}\n", "List.Add"},
		{"a.py", "import os\n\nclass List:\n    size = 1\n\n    def add(self, n):\n        \"\"\"Sum up a total.\"\"\"\n        return n\n", "List/add"},
		{"a.js", "const a = 1;\n\n// Sums up a total.\nfunction add(n) {\n  return n;\n}\n", "add"},
		{"b.js", "class List {\n  /** Sums up a total. */\n  add(n) {\n    return n;\n  }\n}\n", "List/add"},
		{"a.ts", "export interface Sum {\n  // a total\n  n: number;\n}\n", "Sum"},
		{"a.tsx", "// Shows a total.\nexport const Total = (props: Props) => {\n  return <b>{props.n}</b>;\n};\n", "Total"},
		{"A.java", "package a;\n\npublic class List {\n    /**\n     * Sums up a total.\n     */\n    @Override\n    public int add(int n) {\n        return n;\n    }\n}\n", "List/add"},
		{"a.kt", "class List {\n    // Sums up a total.\n    override fun add(n: Int): Int = n\n}\n", "List/add"},
		{"a.scala", "object List {\n  // Sums up a total.\n  def add(n: Int): Int = n\n}\n", "List/add"},
		{"a.groovy", "class List {\n    // Sums up a total.\n    def add(n) {\n        n\n    }\n}\n", "List/add"},
		{"a.c", "#include <stdio.h>\n\n/* Sums up a total. */\nstatic int add(struct list *l, int n)\n{\n\treturn n;\n}\n", "add"},
		{"a.cpp", "namespace pump {\n\n// Sums up a total.\nint List::add(int n) {\n  return n;\n}\n\n}\n", "List::add"},
		{"a.h", "/* Holds a total. */\nstruct list {\n\tint total;\n};\n", "list"},
		{"a.m", "// Sums up a total.\n- (int)add:(int)n {\n    return n;\n}\n", "add"},
		{"A.cs", "namespace A\n{\n    public class List\n    {\n        /// <summary>Sums up a total.</summary>\n        public int Add(int n)\n        {\n            return n;\n        }\n    }\n}\n", "A/List/Add"},
		{"a.fs", "module List\n\n// Sums up a total.\nlet add n =\n    n + 1\n", "add"},
		{"a.vb", "Class List\n    ' Sums up a total.\n    Public Function Add(n As Integer) As Integer\n        Return n\n    End Function\nEnd Class\n", "List/Add"},
		{"a.rs", "impl List {\n    /// Sums up a total.\n    pub fn add(&self, n: i32) -> i32 {\n        n\n    }\n}\n", "List/add"},
		{"a.rb", "class List\n  # Sums up a total.\n  def add(n)\n    n\n  end\nend\n", "List/add"},
		{"a.php", "<?php\nclass List {\n    /** Sums up a total. */\n    public function add($n) {\n        return $n;\n    }\n}\n", "List/add"},
		{"a.swift", "class List {\n    /// Sums up a total.\n    func add(_ n: Int) -> Int {\n        return n\n    }\n}\n", "List/add"},
		{"a.dart", "class List {\n  /// Sums up a total.\n  int add(int n) {\n    return n;\n  }\n}\n", "List/add"},
		{"a.lua", "-- Sums up a total.\nlocal function add(n)\n  return n\nend\n", "add"},
		{"a.pl", "package List;\n\n# Sums up a total.\nsub add {\n  return shift;\n}\n", "add"},
		{"a.r", "# Sums up a total.\nadd <- function(n) {\n  n\n}\n", "add"},
		{"a.jl", "\"Nothing.\"\nx = 1\n\n# Sums up a total.\nfunction add(n)\n    n\nend\n", "add"},
		{"a.hs", "module List where\n\n-- Sums up a total.\nadd :: Int -> Int\nadd n = n\n", "add"},
		{"a.ml", "(* Sums up a total. *)\nlet add n =\n  n\n", "add"},
		{"a.ex", "defmodule List do\n  # Sums up a total.\n  def add(n) do\n    n\n  end\nend\n", "List/add"},
		{"a.erl", "-module(list).\n\n% Sums up a total.\nadd(N) ->\n    N.\n", "add"},
		{"a.clj", "(ns list)\n\n;; Sums up a total.\n(defn add [n]\n  n)\n", "add"},
		{"a.lisp", ";; Sums up a total.\n(defun add (n)\n  n)\n", "add"},
		{"a.sh", "#!/bin/sh\nset -e\n\n# Sums up a total.\nadd() {\n  echo $1\n}\n", "add"},
		{"a.ps1", "# Sums up a total.\nfunction Add-Number($n) {\n  $n\n}\n", "Add-Number"},
		{"a.sql", "-- Holds a total.\nCREATE TABLE sums (\n  n INTEGER\n);\n", "sums"},
		{"a.proto", "syntax = \"proto3\";\n\n// Holds a total.\nmessage Sum {\n  int32 n = 1;\n}\n", "Sum"},
		{"a.tf", "# Holds a total.\nresource \"aws_sum\" \"pump\" {\n  n = 1\n}\n", "aws_sum"},
		{"a.zig", "/// Sums up a total.\npub fn add(n: i32) i32 {\n    return n;\n}\n", "add"},
		{"a.f90", "! Sums up a total.\nsubroutine add(n)\n  integer :: n\nend subroutine\n", "add"},
		{"Makefile", "all: add\n\n# Sums up a total.\nadd: a.c\n\tcc a.c\n", "add"},
	} {
		docs, err := New(nil).Extract(t.Context(), ingest.Input{Name: c.name, Data: []byte(c.source)})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		d := docs[0]
		if d.Text != c.source || !strings.HasPrefix(d.MediaType, "text/x-") {
			t.Errorf("%s: read as %s", c.name, d.MediaType)
		}
		found := ""
		for _, b := range d.Blocks {
			if strings.Contains(d.Text[b.Start:b.End], "total") {
				found = strings.Join(b.Section, "/")
			}
		}
		if found != c.section {
			t.Errorf("%s: the comment stands under %q; want %q", c.name, found, c.section)
		}
	}
}
