package dev.sfumato.nn;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The name of a field in a checkpoint, where it is not the field's own name in snake_case. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
public @interface Name {
  /** The name, such as {@code linear_1}; empty for a part whose own names follow at once. */
  String value();
}
