@dataclass
class WorkerTrainingMetric:
    data_type: DiagnosisDataType      # 数据类型（TRAINING_LOG, XPU_TIMER_METRIC, STACK_TRACE）
    data_content: str                  # 数据内容（字符串格式）
    node_id: int                       # 节点ID
    node_type: str                     # 节点类型
    node_rank: int                     # 节点Rank
    timestamp: int                     # 时间戳（自动生成）
