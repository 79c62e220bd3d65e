import { message } from '../../node-spoe/src/index.ts'

/** A message with the argument `path` whose answer is that path, in `txn.path`, so that a mixed-up answer shows. */
export function echoPath(wait?: (path: string) => Promise<void>) {
  return message({
    args: { path: 'string' },
    handle(view, reply) {
      const path = view.get('path') ?? ''
      const say = (): void => reply.setVar('txn', 'path', path)
      return wait === undefined ? say() : wait(path).then(say)
    },
  })
}
