/**
 * Sfumato in LangChain4j: {@link dev.sfumato.langchain4j.SfumatoImageModel} draws and edits
 * pictures in this process.
 */
package dev.sfumato.langchain4j;
