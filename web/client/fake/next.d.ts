// What the package uses of Next.js, which is far too large to be installed for one function.
declare module "next/headers.js" {
  export function headers(): Promise<{ get(name: string): string | null }>;
}
