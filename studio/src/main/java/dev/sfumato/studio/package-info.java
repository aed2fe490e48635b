/**
 * The studio: a web page on this machine that draws, steers and watches. Start with {@link
 * dev.sfumato.studio.Studio}.
 *
 * <p>A request passes {@code Access}, which refuses other pages and other machines, and then {@code
 * Routes}. Heavy work becomes a {@code Job} in the only queue, {@code Jobs}; the page hears of it
 * through {@code Events}. A {@code Drawing} is what the page asks for, and its {@code
 * DrawingSettings} are the one table from which it is drawn and written as a command and as a Java
 * program.
 */
package dev.sfumato.studio;
