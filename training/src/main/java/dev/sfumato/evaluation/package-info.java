/**
 * Measuring what a model makes. {@link dev.sfumato.evaluation.PictureClassifier} reads pictures,
 * {@link dev.sfumato.evaluation.ClassReport} counts how many show the class that was asked for, and
 * {@link dev.sfumato.evaluation.PictureSummary} says what pictures there are at all.
 *
 * <p>A classifier that measures a generator must have had no part in training it. The one that
 * ships for digits was trained by {@link dev.sfumato.evaluation.ClassifierTraining} alone; its card
 * states what share of MNIST's 10,000 test digits it reads right, which bounds what it can say.
 */
package dev.sfumato.evaluation;
