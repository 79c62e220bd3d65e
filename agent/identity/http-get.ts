export { FetchError } from './http/fetch-error.ts'
export { getJson, type GetOptions, type JsonAnswer } from './http/json.ts'
