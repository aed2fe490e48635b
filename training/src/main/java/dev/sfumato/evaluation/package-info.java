/**
 * Measures of a model's pictures. {@link dev.sfumato.evaluation.Evaluation} is the door. {@link
 * dev.sfumato.evaluation.PictureClassifier} reads pictures, {@link
 * dev.sfumato.evaluation.ClassReport} counts how many show the requested class, and {@link
 * dev.sfumato.evaluation.PictureSummary} describes a set of pictures.
 *
 * <p>A classifier that measures a generator must have had no part in training it. The built-in one
 * for digits was trained only by {@link dev.sfumato.evaluation.ClassifierTraining}; its card states
 * the share of MNIST's 10,000 test digits that it reads correctly, which limits its precision.
 */
package dev.sfumato.evaluation;
