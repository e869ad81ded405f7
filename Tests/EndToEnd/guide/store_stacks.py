# StackCollector.store_data() 内部实现：
def store_data(self, data: dict):
    # 格式化堆栈数据
    stack_str = self._format_stacks(data)
    
    # 创建 WorkerTrainingMetric 对象
    agent_stack_metric = WorkerTrainingMetric(
        data_type=DiagnosisDataType.STACK_TRACE,
        data_content=stack_str,  # 堆栈追踪字符串
        node_id=get_node_id(),
        node_type=get_node_type(),
        node_rank=get_node_rank(),
    )
    
    # 通过 Master Client 上报
    if self._client:
        self._client.report_diagnosis_agent_metrics(agent_stack_metric)
