/** Where this page lives: empty at the top of a host, `/jobs` where an application has mounted it there. */
export const ROOT = document.querySelector<HTMLMetaElement>('meta[name="runwright-root"]')?.content ?? '';
