import { notifications } from '@mantine/notifications';
import { messageOf } from '../api/client';

const CLOSE = { 'aria-label': 'Close' };

export function say(message: string): void {
  notifications.show({ message, closeButtonProps: CLOSE, color: 'harbor', autoClose: 4000 });
}

export function sayFailure(error: unknown): void {
  notifications.show({ closeButtonProps: CLOSE, title: 'That did not work', message: messageOf(error), color: 'red', autoClose: 10_000 });
}
