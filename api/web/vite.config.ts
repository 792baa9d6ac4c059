/** Two pages, the map and the API's documentation; everything they need is bundled under /map/. */
import { defineConfig } from "vite";

export default defineConfig({
  base: "/map/",
  build: {
    target: "es2022",
    // Both pages carry one large library each, which cannot be split in a useful way.
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: ["index.html", "docs.html"] },
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
