declare module 'virtual:pare-assets' {
  export const files: Record<string, import('./lab/api.ts').AssetSource>;
}
declare module '#lab' {
  export function createLab(options?: import('../wasm/js/types.ts').LabOptions): Promise<import('../wasm/js/types.ts').Lab>;
}
declare module '#lab-worker' {
  const LabWorkerModule: new () => Worker;
  export default LabWorkerModule;
}
declare module 'virtual:pwa-register' {
  export function registerSW(options?: { immediate?: boolean; onOfflineReady?: () => void }): (reload?: boolean) => Promise<void>;
}
