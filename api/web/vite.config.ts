/** The map, the API's documentation, and the look of the API's pages; all is bundled under /map/. */
import { defineConfig } from "vite";

export default defineConfig({
  base: "/map/",
  build: {
    target: "es2022",
    // Both pages carry one large library each, which cannot be split in a useful way.
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      input: { index: "index.html", docs: "docs.html", pages: "src/pages.ts" },
      // The server's templates name these two files, so their names hold no hash.
      output: {
        entryFileNames: ({ name }) => (name === "pages" ? "pages.js" : "assets/[name]-[hash].js"),
        assetFileNames: ({ names }) => (names.includes("pages.css") ? "pages.css" : "assets/[name]-[hash][extname]"),
      },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ["/map/layers.json", "/collections", "/search", "/openapi"].map((path) => [
        path,
        "http://127.0.0.1:5000",
      ]),
    ),
  },
});
