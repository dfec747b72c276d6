// Package api serves lore over HTTP: its own routes, OpenAI's, Model Context
// Protocol, and a page for people.
//
// Bottom up: errors.go is the one table from errors to status and public text;
// guard.go stands before every route (identity of the request, host, origin,
// token, limits); a [Collection] is what the routes need of one collection; each
// group of routes has a file; web is the page; [Server] puts them together.
package api
