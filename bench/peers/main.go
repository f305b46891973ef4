// Command peers is PocketBase with one collection, equal to the dataset that
// Huong is measured with. It prints its address and a token as one line of JSON
// and serves until its standard input ends.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	_ "modernc.org/sqlite"
)

func main() {
	dir := flag.String("dir", "", "data folder")
	synchronous := flag.String("synchronous", "NORMAL", "SQLite's synchronous; NORMAL is PocketBase's own default")
	flag.Parse()
	if err := run(*dir, *synchronous); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(dir, synchronous string) error {
	app := pocketbase.NewWithConfig(pocketbase.Config{
		HideStartBanner: true, DefaultDataDir: dir,
		// PocketBase's own settings (core.DefaultDBConnect), but for the one.
		DBConnect: func(path string) (*dbx.DB, error) {
			return dbx.Open("sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)&_pragma=synchronous("+synchronous+")&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)")
		},
	})
	if err := app.Bootstrap(); err != nil {
		return err
	}
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	if err := declare(app); err != nil {
		return err
	}
	token, err := superuser(app)
	if err != nil {
		return err
	}
	app.Settings().Logs.MaxDays = 0 // no request log: Huong's is off too
	if err := app.Save(app.Settings()); err != nil {
		return err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		return err
	}
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		if e.Listener, err = net.Listen("tcp", address); err != nil {
			return err
		}
		return errors.Join(e.Next(), json.NewEncoder(os.Stdout).Encode(map[string]any{"Address": address, "Tokens": []string{token}}))
	})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	err = apis.Serve(app, apis.ServeConfig{HttpAddr: address})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// declare makes the collection with the fields, checks and indexes of
// bench-report.
func declare(app core.App) error {
	var wards, kinds []string
	for i := range 48 {
		wards = append(wards, fmt.Sprintf("ward-%02d", i))
	}
	for i := range 12 {
		kinds = append(kinds, fmt.Sprintf("cat-%02d", i))
	}
	c := core.NewBaseCollection("report")
	c.ListRule, c.ViewRule, c.CreateRule = types.Pointer(""), types.Pointer(""), types.Pointer("")
	number := func(name string, low, high *float64, whole, required bool) {
		c.Fields.Add(&core.NumberField{Name: name, Min: low, Max: high, OnlyInt: whole, Required: required})
	}
	f := types.Pointer[float64]
	c.Fields.Add(&core.TextField{Name: "key", Required: true, Max: 500})
	number("lat", f(-90), f(90), false, true)
	number("lon", f(-180), f(180), false, true)
	c.Fields.Add(&core.SelectField{Name: "area", Values: wards, MaxSelect: 1})
	c.Fields.Add(&core.SelectField{Name: "category", Values: kinds, MaxSelect: 1})
	c.Fields.Add(&core.SelectField{Name: "status", Values: []string{"open", "assigned", "working", "closed", "rejected"}, MaxSelect: 1})
	number("observed", f(0), nil, true, true)
	number("created", f(0), nil, true, false)
	number("modified", f(0), nil, true, false)
	number("val", f(-1000000), f(1000000), true, false)
	c.Fields.Add(&core.TextField{Name: "descr", Max: 500})
	number("version", f(1), nil, true, false)
	c.AddIndex("report_key", true, "key", "")
	c.AddIndex("report_area", false, "area,observed", "")
	c.AddIndex("report_category", false, "category,status", "")
	return app.Save(c)
}

func superuser(app core.App) (string, error) {
	all, err := app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		return "", err
	}
	who := core.NewRecord(all)
	who.SetEmail("bench@example.org")
	who.SetPassword("bench-bench-bench")
	if err := app.Save(who); err != nil {
		return "", err
	}
	return who.NewAuthToken()
}
