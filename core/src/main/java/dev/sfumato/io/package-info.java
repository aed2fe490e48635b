/** Files that are written whole or not at all, and JSON with errors that name the file. */
package dev.sfumato.io;
