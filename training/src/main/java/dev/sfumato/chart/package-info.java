/**
 * What a person looks at: curves and pages. Nothing here knows of tensors or of training; numbers
 * come in as arrays and leave as files.
 *
 * <ul>
 *   <li>{@link dev.sfumato.chart.LossChart} draws the loss of a training run.
 *   <li>{@link dev.sfumato.chart.TensorBoardWriter} logs a run while it goes on, for people who
 *       watch it in TensorBoard.
 *   <li>{@link dev.sfumato.chart.HtmlReport} tells the story of a finished run in one page.
 * </ul>
 *
 * <p>All of them but the event log reach the disk whole: a reader sees the old file or the new one.
 *
 * <p>Drawing needs no display, but {@link dev.sfumato.chart.LossChart} needs a font. Programs that
 * never open a window should run with {@code -Djava.awt.headless=true}, so that a stale {@code
 * DISPLAY} variable is not looked at.
 */
package dev.sfumato.chart;
