import { defineConfig } from 'vite';
import react from '@vitejs/plugin-react';

// Where `npm run dev` finds a server: the real one by default, or the mock (`npm run mock`).
const server = 'http://127.0.0.1:6336';

export default defineConfig({
  plugins: [react()],
  // Relative, because an application may mount the page anywhere; the server writes where into index.html.
  base: './',
  build: {
    outDir: '../src/runwright/ui_dist',
    emptyOutDir: true,
    sourcemap: false,
    // Nothing is inlined: the page lives under a strict Content-Security-Policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      '/api': server,
      '/ws': { target: server, ws: true },
    },
  },
});
