/**
 * The root package, with the exception that all packages share: {@link
 * dev.sfumato.SfumatoException}. Start with {@link dev.sfumato.pipeline}.
 */
package dev.sfumato;
