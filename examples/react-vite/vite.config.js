import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  server: {
    host: "127.0.0.1",
    port: 5173,
    strictPort: true, // bff.yaml says where bff finds it
    fs: { allow: ["../.."] }, // bff-client is a folder of this repository here; from npm it needs neither this …
  },
  resolve: { dedupe: ["react"] }, // … nor this
});
