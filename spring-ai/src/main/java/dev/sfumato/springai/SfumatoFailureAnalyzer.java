package dev.sfumato.springai;

import dev.sfumato.SfumatoException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Reports a model that does not load by its message instead of a stack trace. */
final class SfumatoFailureAnalyzer extends AbstractFailureAnalyzer<SfumatoException> {
  @Override
  protected FailureAnalysis analyze(Throwable failure, SfumatoException cause) {
    return new FailureAnalysis(
        cause.getMessage(),
        "Check the properties " + SfumatoImageProperties.PREFIX + ".*, or the bean that failed.",
        cause);
  }
}
