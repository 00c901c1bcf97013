import { Button, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { getRouteApi, useNavigate, useRouter } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { ApiError, messageOf } from '../api/client';
import { ROOT } from '../api/root';
import { useSignIn } from '../api/system';
import { Notice } from '../components/Notice';
import classes from './SignIn.module.css';

const route = getRouteApi('/sign-in');

const EXPIRED = 'This sign-in link has been used or is too old. Start the server again for a new one, or use a token.';

/** Only paths of this page: a link must not lead elsewhere. */
const safe = (next: string | undefined): string =>
  next && /^\/[^/\\]/.test(next) && !next.startsWith('/sign-in') ? next : '/tasks';

function refusal(error: unknown): string {
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
    return 'This token is not known, or it was revoked.';
  }
  return messageOf(error);
}

export function SignIn() {
  const { next, expired, message } = route.useSearch();
  const notice = message ?? (expired ? EXPIRED : undefined);
  const [token, setToken] = useState('');
  const signIn = useSignIn();
  const navigate = useNavigate();
  const router = useRouter();
  const client = useQueryClient();
  useEffect(() => {
    document.title = 'Sign in · Runwright';
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate(token.trim(), {
      onSuccess: () => {
        client.clear();
        if (next) router.history.push(ROOT + safe(next));
        else void navigate({ to: '/tasks' });
      },
    });
  };

  return (
    <main className={classes['page']}>
      <form className={classes['card']} onSubmit={submit}>
        <Stack gap="md">
          <img src={`${ROOT}/favicon.svg`} width={44} height={44} alt="" />
          <div>
            <Title order={1}>Sign in to Runwright</Title>
            <Text c="dimmed" size="sm" mt={6}>
              Paste an access token. On this machine, the server printed a sign-in link when it started.
            </Text>
          </div>
          {notice ? <Notice tone="warn" icon="clock" title={notice} alert /> : null}
          {signIn.error ? <Notice tone="bad" icon="alert" title={refusal(signIn.error)} alert /> : null}
          <PasswordInput
            label="Access token"
            name="token"
            autoComplete="current-password"
            required
            autoFocus
            value={token}
            onChange={(event) => setToken(event.currentTarget.value)}
            visibilityToggleButtonProps={{ 'aria-label': 'Show the token' }}
          />
          <Button type="submit" loading={signIn.isPending} disabled={token.trim() === ''} fullWidth>
            Sign in
          </Button>
        </Stack>
      </form>
    </main>
  );
}
