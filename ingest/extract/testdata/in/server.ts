import x from "x";

/** Serves. */
export class Server extends Base {
  private readonly port: number;

  constructor(port: number) {
    super();
  }

  async listen(host: string): Promise<void> {
    if (host) {
      return;
    }
  }
}

export const add = (a: number, b: number) => {
  return a + b;
};

interface Options {
  a: string;
}
