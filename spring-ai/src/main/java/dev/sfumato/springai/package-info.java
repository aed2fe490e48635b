/**
 * Sfumato in Spring AI: {@link dev.sfumato.springai.SfumatoImageModel} draws and changes pictures
 * in this process, and {@link dev.sfumato.springai.SfumatoImageAutoConfiguration} makes it a bean.
 */
package dev.sfumato.springai;
