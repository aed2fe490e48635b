/**
 * What all packages share: {@link dev.sfumato.SfumatoException}. Start with {@link
 * dev.sfumato.pipeline}.
 */
package dev.sfumato;
