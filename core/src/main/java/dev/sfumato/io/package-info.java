/** Files that are written whole or not at all, JSON with errors that name the file, and HTTP. */
package dev.sfumato.io;
