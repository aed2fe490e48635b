/**
 * Curves and pages for people. This package does not depend on tensors or training; it turns arrays
 * of numbers into files.
 *
 * <ul>
 *   <li>{@link dev.sfumato.chart.LossChart} draws the loss of a training run.
 *   <li>{@link dev.sfumato.chart.TensorBoardWriter} logs a run for TensorBoard while it runs.
 *   <li>{@link dev.sfumato.chart.HtmlReport} describes a finished run on one page.
 * </ul>
 *
 * <p>All of them except the event log replace a file in one move: a reader sees the old file or the
 * new one.
 *
 * <p>Drawing needs no display, but {@link dev.sfumato.chart.LossChart} needs a font. Programs that
 * never open a window should run with {@code -Djava.awt.headless=true}, so that a stale {@code
 * DISPLAY} variable is ignored.
 */
package dev.sfumato.chart;
