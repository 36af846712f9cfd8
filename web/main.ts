/** The page's entry: the application, and the service worker that makes it work offline (http and https only). */
import './app/page.css';
import './app/pare-app.ts';
import { app } from './state/lab.ts';

if (import.meta.env.MODE === 'single') app.store.set({ offline: 'file' });
else if (import.meta.env.PROD && 'serviceWorker' in navigator && location.protocol.startsWith('http')) {
  import('virtual:pwa-register')
    .then(({ registerSW }) => {
      registerSW({ immediate: true });
      return navigator.serviceWorker.ready;
    })
    .then(() => app.store.set({ offline: 'ready' }))
    .catch(() => undefined); // not offline-ready; everything else works
}
