/**
 * The one door to the server: JSON:API documents in, plain objects out.
 * Every failure is an ApiError; a 401 also tells whoever listens that the session is over.
 */
import { ROOT } from './root';
import type { Json } from './types';

export interface ErrorItem {
  status: string;
  code: string;
  title: string;
  detail: string;
  pointer: string | null;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly items: ErrorItem[],
  ) {
    super(items.map((item) => item.detail || item.title).join(' ') || `The server answered ${status}.`);
    this.name = 'ApiError';
  }

  has(code: string): boolean {
    return this.items.some((item) => item.code === code);
  }
}

export interface Page<T> {
  items: T[];
  next: string | null;
  meta: Record<string, Json>;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';
interface Resource {
  id: string;
  attributes?: object;
}
interface Document {
  data: unknown;
  links?: { next?: string | null };
  meta?: Record<string, Json>;
}

let signedOut: () => void = () => undefined;

/** Sets what happens when the server no longer knows us. */
export function onSignedOut(callback: () => void): void {
  signedOut = callback;
}

function errorItems(body: unknown, status: number): ErrorItem[] {
  const raw = body !== null && typeof body === 'object' && 'errors' in body ? body.errors : null;
  if (!Array.isArray(raw)) return [];
  return raw.map((entry: Partial<ErrorItem> & { source?: { pointer?: string } }) => ({
    status: String(entry.status ?? status),
    code: entry.code ?? '',
    title: entry.title ?? '',
    detail: entry.detail ?? '',
    pointer: entry.source?.pointer ?? null,
  }));
}

export async function request(method: Method, path: string, body?: object, signal?: AbortSignal): Promise<unknown> {
  const headers: Record<string, string> = { Accept: 'application/vnd.api+json' };
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers['Content-Type'] = 'application/vnd.api+json';
  let response: Response;
  try {
    response = await fetch(ROOT + path, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, [
      { status: '0', code: 'offline', title: '', detail: 'The server cannot be reached.', pointer: null },
    ]);
  }
  const text = response.status === 204 ? '' : await response.text();
  let parsed: unknown = null;
  try {
    parsed = text === '' ? null : JSON.parse(text);
  } catch {
    if (response.ok) throw new ApiError(response.status, []);
  }
  if (!response.ok) {
    if (response.status === 401 && path !== '/api/session') signedOut();
    throw new ApiError(response.status, errorItems(parsed, response.status));
  }
  return parsed;
}

function plain<T>(resource: Resource): T {
  return { ...resource.attributes, id: resource.id } as T;
}

/** The single resource of a document as a plain object. */
export function one<T>(document: unknown): T {
  return plain<T>((document as Document).data as Resource);
}

export async function getOne<T>(path: string, signal?: AbortSignal): Promise<T> {
  return one<T>(await request('GET', path, undefined, signal));
}

/**
 * The address of the next page: the cursor of the link upon the address that was asked for, so that filters hold even
 * where the link leaves them out, and whatever host a proxy puts into it.
 */
function nextPath(asked: string, link: string | null | undefined): string | null {
  if (!link) return null;
  const url = new URL(asked, window.location.origin);
  for (const [key, value] of new URL(link, window.location.origin).searchParams) url.searchParams.set(key, value);
  return url.pathname + url.search;
}

export async function getPage<T>(path: string, signal?: AbortSignal): Promise<Page<T>> {
  const document = (await request('GET', path, undefined, signal)) as Document;
  const items = (document.data as Resource[]).map((resource) => plain<T>(resource));
  return { items, next: nextPath(path, document.links?.next), meta: document.meta ?? {} };
}

/** All pages of a list that people browse as a whole (tasks, schedules); stops after 40 pages. */
export async function getAll<T>(path: string, signal?: AbortSignal): Promise<Page<T>> {
  const first = await getPage<T>(path, signal);
  let next = first.next;
  for (let pages = 1; next !== null && pages < 40; pages += 1) {
    const page = await getPage<T>(next, signal);
    first.items.push(...page.items);
    next = page.next;
  }
  return { ...first, next };
}

/** A path with its query; empty values are left out. */
export function withQuery(path: string, query: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

export function envelope(type: string, attributes: object): object {
  return { data: { type, attributes } };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'Something went wrong.';
}
