import { notifications } from '@mantine/notifications';
import { messageOf } from '../api/client';

export function say(message: string): void {
  notifications.show({ message, color: 'harbor', autoClose: 4000 });
}

export function sayFailure(error: unknown): void {
  notifications.show({ title: 'That did not work', message: messageOf(error), color: 'red', autoClose: 10_000 });
}
