/** A WebSocket that comes back by itself, more patiently each time. */
import { ROOT } from '../api/root';
import { parseFrame, type Frame } from './frames';

export type Connection = 'connecting' | 'open' | 'waiting' | 'closed';

interface Options {
  /** The path to connect to, asked anew for each connection (it carries the cursor). */
  path: () => string;
  onFrame: (frame: Frame) => void;
  onConnection?: (connection: Connection) => void;
  /** Called when the server ends the socket; true means: do not come back. */
  onClose?: (code: number, everOpen: boolean) => boolean;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

export class LiveSocket {
  private socket: WebSocket | null = null;
  private timer: number | undefined;
  private wait = FIRST_WAIT;
  private done = false;

  constructor(private readonly options: Options) {
    this.connect();
    window.addEventListener('online', this.hurry);
  }

  stop(): void {
    if (this.done) return;
    this.done = true;
    window.clearTimeout(this.timer);
    window.removeEventListener('online', this.hurry);
    this.socket?.close();
    this.options.onConnection?.('closed');
  }

  private readonly hurry = (): void => {
    if (this.socket || this.done) return;
    window.clearTimeout(this.timer);
    this.connect();
  };

  private connect(): void {
    if (this.done) return;
    this.options.onConnection?.('connecting');
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${window.location.host}${ROOT}${this.options.path()}`);
    let opened = false;
    this.socket = socket;
    socket.onopen = () => {
      opened = true;
      this.wait = FIRST_WAIT;
      this.options.onConnection?.('open');
    };
    socket.onmessage = (event) => {
      const frame = this.done ? null : parseFrame(event.data);
      if (frame) this.options.onFrame(frame);
    };
    socket.onclose = (event) => {
      this.socket = null;
      if (this.done) return;
      if (this.options.onClose?.(event.code, opened)) {
        this.stop();
        return;
      }
      this.options.onConnection?.('waiting');
      this.timer = window.setTimeout(() => this.connect(), this.wait * (0.75 + Math.random() / 2));
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    };
  }
}
