/** Asks before something that cannot be taken back. */
import { Button, Group, Modal, Text } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Notice } from './Notice';

export interface Question {
  title: string;
  text?: ReactNode;
  /** The sentence of a dangerous task. */
  danger?: string | null;
  yes: string;
  onYes: () => void;
}

export function useConfirm(): [ask: (question: Question) => void, dialog: ReactNode] {
  const [question, setQuestion] = useState<Question | null>(null);
  const [open, setOpen] = useState(false);
  const ask = (next: Question) => {
    setQuestion(next);
    setOpen(true);
  };
  const close = () => setOpen(false);
  const dialog = (
    <Modal opened={open} onClose={close} title={question?.title} closeButtonProps={{ 'aria-label': 'Close' }}>
      {question?.danger ? (
        <Notice tone="bad" icon="alert" title={question.danger}>
          {null}
        </Notice>
      ) : null}
      {question?.text ? (
        <Text size="sm" mt={question.danger ? 'md' : 0} component="div">
          {question.text}
        </Text>
      ) : null}
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close} data-autofocus>
          Go back
        </Button>
        <Button
          color="red.9"
          data-testid="confirm-button"
          onClick={() => {
            close();
            question?.onYes();
          }}
        >
          {question?.yes}
        </Button>
      </Group>
    </Modal>
  );
  return [ask, dialog];
}
