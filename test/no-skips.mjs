/** In CI a skipped test fails the run: what tests need is installed there, so a skip hides something. */
export default class NoSkips {
  #skipped = [];

  onTestResult(_test, { testResults }) {
    for (const { status, fullName } of testResults)
      if (status === 'pending' || status === 'todo') this.#skipped.push(fullName);
  }

  onRunComplete() {
    if (this.#skipped.length > 0) console.error(`Failed, because CI skips no test:\n  ${this.#skipped.join('\n  ')}`);
  }

  /** Any error makes the whole run fail. */
  getLastError() {
    return this.#skipped.length > 0 ? new Error('skipped tests') : undefined;
  }
}
