// Command build bundles the browser side into the dist folder beside it: one
// file per entry with its content's hash in the name, a gzip copy of each, and
// manifest.json that maps plain names to hashed ones. Run it from the web
// folder after `npm ci --ignore-scripts`:
//
//	go run ./build
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	if err := build("dist"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// entries are the bundles by their plain names. Map, chart and reports are
// separate because most pages need none of them.
var entries = []api.EntryPoint{
	{InputPath: "src/app.ts", OutputPath: "app"},
	{InputPath: "src/map.ts", OutputPath: "map"},
	{InputPath: "src/chart.ts", OutputPath: "chart"},
	{InputPath: "src/passkey.ts", OutputPath: "passkey"},
	{InputPath: "src/request.ts", OutputPath: "request"},
	{InputPath: "src/request.css", OutputPath: "requeststyle"},
	{InputPath: "src/sw.ts", OutputPath: "sw"},
	{InputPath: "src/app.css", OutputPath: "style"},
	{InputPath: "src/map.css", OutputPath: "mapstyle"},
	{InputPath: "src/icon.svg", OutputPath: "icon"},
	{InputPath: "src/touch-icon.png", OutputPath: "touchicon"},
	{InputPath: "node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs", OutputPath: "mapworker"},
	// Whole faces for papers made on the server; pages never ask for them.
	{InputPath: "node_modules/@expo-google-fonts/tinos/400Regular/Tinos_400Regular.ttf", OutputPath: "tinos"},
	{InputPath: "node_modules/@expo-google-fonts/tinos/700Bold/Tinos_700Bold.ttf", OutputPath: "tinos-bold"},
	{InputPath: "node_modules/@expo-google-fonts/tinos/400Regular_Italic/Tinos_400Regular_Italic.ttf", OutputPath: "tinos-italic"},
	{InputPath: "node_modules/@expo-google-fonts/tinos/700Bold_Italic/Tinos_700Bold_Italic.ttf", OutputPath: "tinos-bolditalic"},
	{InputPath: "node_modules/@expo-google-fonts/be-vietnam-pro/400Regular/BeVietnamPro_400Regular.ttf", OutputPath: "bevietnampro"},
	{InputPath: "node_modules/@expo-google-fonts/be-vietnam-pro/600SemiBold/BeVietnamPro_600SemiBold.ttf", OutputPath: "bevietnampro-semibold"},
	{InputPath: "node_modules/@expo-google-fonts/ibm-plex-sans/400Regular/IBMPlexSans_400Regular.ttf", OutputPath: "ibmplexsans"},
}

func build(dist string) error {
	result := api.Build(api.BuildOptions{
		EntryPointsAdvanced: entries,
		EntryNames:          "[name]-[hash]",
		AssetNames:          "[name]-[hash]",
		Bundle:              true,
		MinifyWhitespace:    true,
		MinifySyntax:        true,
		MinifyIdentifiers:   true,
		Format:              api.FormatESModule,
		Target:              api.ES2022,
		Outdir:              dist,
		Loader:              map[string]api.Loader{".woff2": api.LoaderFile, ".svg": api.LoaderCopy, ".png": api.LoaderCopy, ".ttf": api.LoaderCopy},
		LegalComments:       api.LegalCommentsEndOfFile,
		Charset:             api.CharsetUTF8,
		LogLevel:            api.LogLevelWarning,
	})
	if len(result.Errors) > 0 {
		return errors.New("the bundle has errors")
	}
	if err := clear(dist); err != nil {
		return err
	}
	manifest := map[string]string{}
	for _, f := range result.OutputFiles {
		name := filepath.Base(f.Path)
		if err := write(dist, name, f.Contents); err != nil {
			return err
		}
		ext := filepath.Ext(name)
		if cut := strings.LastIndexByte(strings.TrimSuffix(name, ext), '-'); cut > 0 {
			manifest[name[:cut]+ext] = name
		}
	}
	b, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dist, "manifest.json"), append(b, '\n'), 0o644)
}

// clear removes what an earlier build left, so that the embedded folder never
// grows old hashes.
func clear(dist string) error {
	old, err := os.ReadDir(dist)
	if err != nil {
		return err
	}
	for _, f := range old {
		if f.Name() == ".gitkeep" {
			continue
		}
		if err := os.Remove(filepath.Join(dist, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// write stores a file and, where it pays, its gzip copy. Fonts of pages are
// compressed already; those of papers do not leave the server.
func write(dist, name string, content []byte) error {
	if err := os.WriteFile(filepath.Join(dist, name), content, 0o644); err != nil {
		return err
	}
	if strings.HasSuffix(name, ".woff2") || strings.HasSuffix(name, ".ttf") {
		return nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if b.Len() >= len(content) {
		return nil
	}
	return os.WriteFile(filepath.Join(dist, name+".gz"), b.Bytes(), 0o644)
}
