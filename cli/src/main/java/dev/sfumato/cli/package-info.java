/**
 * The command line: a class per command, which only translates options into calls of the library.
 */
package dev.sfumato.cli;
